// The library's own thread: keeps a session with the service, sends what the queue holds, takes the answers.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "session.hpp"

namespace gaussitu::client {

class Sender {
 public:
  /// `on_room` is called when a waiting simulation should look again (refusal). Throws E_INVALID for a bad
  /// endpoint, E_INTERNAL when there is no thread or socket to be had.
  Sender(const Options& options, Queue& queue, Spill& spill, Budget& budget);
  ~Sender() { stop(std::chrono::milliseconds(0)); }

  /// There is something new in the queue.
  void wake();
  /// Says goodbye, waits for the thread and for the socket, the latter at most `linger`. May be called twice.
  void stop(std::chrono::milliseconds linger);

 private:
  void run() noexcept;
  void turn();
  void refuse(const std::string& why);

  const Options& options_;
  Queue& queue_;
  Spill& spill_;
  Budget& budget_;
  void* context_ = nullptr;
  int wake_fd_[2] = {-1, -1};
  std::unique_ptr<Session> session_;
  std::chrono::steady_clock::time_point retry_at_{};
  std::chrono::milliseconds backoff_{100};
  bool welcomed_ = false;
  bool refused_ = false;
  std::atomic<bool> stopping_{false};
  std::chrono::milliseconds linger_{0};
  std::thread thread_;
};

}  // namespace gaussitu::client
