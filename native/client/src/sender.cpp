#include "sender.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "status.hpp"

namespace gaussitu::client {

using std::chrono::milliseconds;

Sender::Sender(const Options& options, Queue& queue, Spill& spill, Budget& budget)
    : options_(options), queue_(queue), spill_(spill), budget_(budget) {
  const auto no_resource = [&](const std::string& what) {
    const std::string why = what + ": " + std::strerror(errno);
    stop(milliseconds(0));
    throw Failure(GAUSSITU_E_INTERNAL, why);
  };
  context_ = zmq_ctx_new();
  if (!context_ || pipe(wake_fd_) != 0) no_resource("no ZeroMQ context or pipe");
  for (const int fd : wake_fd_) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  // The simulation's signal handlers must run on its own threads: ours inherits a full mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    session_ = std::make_unique<Session>(context_, options_, queue_, spill_, false);
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    session_.reset();
    stop(milliseconds(0));
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Sender::wake() {
  const char byte = 1;
  // A full pipe means that the thread will wake anyway.
  [[maybe_unused]] const auto n = write(wake_fd_[1], &byte, 1);
}

void Sender::stop(milliseconds linger) {
  if (thread_.joinable()) {
    linger_ = linger;
    stopping_ = true;
    wake();
    thread_.join();
  }
  if (context_) zmq_ctx_term(context_);
  context_ = nullptr;
  for (int& fd : wake_fd_) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
}

void Sender::run() noexcept {
  try {
    while (!stopping_) turn();
    if (session_) session_->finish(linger_);
  } catch (const std::exception& error) {
    try {
      refuse(std::string("the sender thread stopped: ") + error.what());
    } catch (...) {  // no memory even for the sentence: the simulation goes on without us
    }
  }
  session_.reset();
}

void Sender::turn() {
  const auto now = Session::Clock::now();
  if (!session_ && !refused_ && now >= retry_at_)
    session_ = std::make_unique<Session>(context_, options_, queue_, spill_, welcomed_);

  long sleep_ms = 1000;
  if (session_) {
    sleep_ms = session_->keep_alive();
    if (session_->send_next()) sleep_ms = 0;
  } else if (!refused_) {
    sleep_ms = std::max<long>(1, std::chrono::duration_cast<milliseconds>(retry_at_ - now).count());
  }

  zmq_pollitem_t items[3] = {{nullptr, wake_fd_[0], ZMQ_POLLIN, 0}, {}, {}};
  int count = 1;
  if (session_) {
    items[count++] = {session_->socket(), 0, ZMQ_POLLIN, 0};
    if (session_->monitor()) items[count++] = {session_->monitor(), 0, ZMQ_POLLIN, 0};
  }
  zmq_poll(items, count, sleep_ms);
  char bytes[64];
  while (read(wake_fd_[0], bytes, sizeof bytes) > 0) continue;
  if (!session_) return;

  session_->receive();
  switch (session_->state()) {
    case Session::State::greeting:
      break;
    case Session::State::ready:
      welcomed_ = true;
      backoff_ = milliseconds(100);
      break;
    case Session::State::lost:
      queue_.disconnected(session_->reason());
      session_.reset();
      retry_at_ = Session::Clock::now() + backoff_;
      backoff_ = std::min(backoff_ * 2, milliseconds(2000));
      break;
    case Session::State::refused:
      refuse(session_->reason());
      session_.reset();
      break;
  }
}

void Sender::refuse(const std::string& why) {
  refused_ = true;
  queue_.refuse(why);
  // Nothing will be sent any more: only the spill policy has a use for what is held.
  if (options_.policy != GAUSSITU_SPILL)
    for (const auto& step : queue_.take_all()) queue_.drop(step->step, why);
  budget_.wake();
}

}  // namespace gaussitu::client
