#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "status.hpp"

namespace gaussitu::client {
namespace {

using Seconds = std::chrono::duration<double>;

std::string sentence(const char* what, const Answer& answer) {
  return std::string(what) + " [" + answer.code + "]: " + answer.message;
}

}  // namespace

Session::Session(void* context, const Options& options, Queue& queue, Spill& spill, bool welcomed_before)
    : options_(options), queue_(queue), spill_(spill), welcomed_before_(welcomed_before) {
  socket_ = zmq_socket(context, ZMQ_DEALER);
  if (!socket_) throw Failure(GAUSSITU_E_INTERNAL, std::string("no ZeroMQ socket: ") + zmq_strerror(errno));
  // Credit bounds what is in flight; a high-water mark on top could only split a multipart message's sending.
  const int unlimited = 0;
  zmq_setsockopt(socket_, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(socket_, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
  const int64_t largest = kMaxHeader;
  zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
  const int retry_max_ms = 2000;
  zmq_setsockopt(socket_, ZMQ_RECONNECT_IVL_MAX, &retry_max_ms, sizeof retry_max_ms);

  const std::string events = "inproc://events-" + std::to_string(reinterpret_cast<uintptr_t>(this));
  if (zmq_socket_monitor(socket_, events.c_str(), ZMQ_EVENT_DISCONNECTED) == 0 &&
      (monitor_ = zmq_socket(context, ZMQ_PAIR)) != nullptr)
    zmq_connect(monitor_, events.c_str());
  if (zmq_connect(socket_, options.endpoint.c_str()) != 0) {
    const std::string why = zmq_strerror(errno);
    close();
    throw Failure(GAUSSITU_E_INVALID,
                  "option endpoint: expected a ZeroMQ address like tcp://127.0.0.1:5555, received \"" +
                      options.endpoint + "\" (" + why + ")");
  }
  send_header(hello_header(options), false);
}

void Session::close() {
  for (void** socket : {&monitor_, &socket_}) {
    if (!*socket) continue;
    const int linger = socket == &socket_ ? linger_ms_ : 0;
    zmq_setsockopt(*socket, ZMQ_LINGER, &linger, sizeof linger);
    if (socket == &socket_) zmq_socket_monitor(*socket, nullptr, 0);
    zmq_close(*socket);
    *socket = nullptr;
  }
}

void Session::receive() {
  // Looked at first, acted on last: answers that came before the end still count.
  bool disconnected = false;
  char event[256];
  while (monitor_ && zmq_recv(monitor_, event, sizeof event, ZMQ_DONTWAIT) >= 0) disconnected = true;
  receive_answers();
  if (disconnected) lose("the connection to " + options_.endpoint + " was closed");
}

void Session::receive_answers() {
  while (state_ == State::greeting || state_ == State::ready) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&frame);
      return;
    }
    heard_ = Clock::now();
    const bool more = zmq_msg_more(&frame);
    Answer answer;
    std::string reason;
    const bool good =
        parse_answer(static_cast<const uint8_t*>(zmq_msg_data(&frame)), zmq_msg_size(&frame), answer, reason);
    zmq_msg_close(&frame);
    for (bool rest = more; rest;) {  // no answer of version 1 has a second frame: skipped
      zmq_msg_init(&frame);
      rest = zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&frame);
      zmq_msg_close(&frame);
    }
    if (good) {
      handle(answer);
    } else {
      queue_.error("the service sent an answer that is not protocol version 1: " + reason);
    }
  }
}

void Session::handle(const Answer& answer) {
  switch (answer.kind) {
    case AnswerKind::welcome:
      if (state_ != State::greeting) break;
      state_ = State::ready;
      credit_ = answer.credit;
      max_message_ = answer.max_message;
      queue_.welcomed();
      break;
    case AnswerKind::credit:
      // A lying service may give any number of bytes; only overflow has to be kept out.
      credit_ = std::min(credit_ + std::min(answer.credit, INT64_MAX / 4), INT64_MAX / 4);
      break;
    case AnswerKind::ack:
      if (const auto step = queue_.acknowledge(answer)) forget(*step);
      break;
    case AnswerKind::refuse:
      if (answer.code == "SHUTTING_DOWN" || (answer.code == "RUN_BUSY" && welcomed_before_)) {
        lose(sentence("the service is not ready for this run again yet", answer));
      } else {
        state_ = State::refused;
        reason_ = sentence("the service refused this run", answer);
      }
      break;
    case AnswerKind::error:
      handle_error(answer);
      break;
    case AnswerKind::pong:
    case AnswerKind::unknown:
      break;
  }
}

void Session::handle_error(const Answer& answer) {
  const std::string what = sentence("the service answered with an error", answer);
  queue_.error(what);
  if (answer.code == "HELLO_EXPECTED" || answer.code == "SHUTTING_DOWN" || answer.code == "ARCHIVE_FAILED") {
    lose(what);
  } else if (answer.step >= 0 && answer.field.empty()) {
    queue_.reject(answer.step, what);  // the whole step is given up: sending it again would fail again
  }
}

bool Session::next_step() {
  step_ = queue_.after(done_);
  if (!step_) return false;
  meshes_.clear();
  next_mesh_ = next_field_ = 0;
  begun_ = false;
  uint64_t largest = 0;
  for (const auto& field : step_->fields) {
    largest = std::max(largest, field.array.size);
    const auto known = known_.find({field.mesh->name, field.mesh->block});
    const bool listed = std::find(meshes_.begin(), meshes_.end(), field.mesh) != meshes_.end();
    if (listed || (known != known_.end() && known->second == field.mesh)) continue;
    meshes_.push_back(field.mesh);
    largest = std::max(largest, field.mesh->bytes());
  }
  if (max_message_ > 0 && largest > max_message_) {
    queue_.reject(step_->step, "step " + std::to_string(step_->step) +
                                   ": the service takes messages of at most " + std::to_string(max_message_) +
                                   " bytes, an array has " + std::to_string(largest) +
                                   " (raise the service's limit, or send smaller blocks)");
    done_ = step_->step;
    step_.reset();
  }
  return true;
}

bool Session::send_next() {
  if (state_ != State::ready) return false;
  if (!step_) return next_step();
  if (next_mesh_ < meshes_.size()) {
    if (credit_ <= 0) return false;
    send_mesh(meshes_[next_mesh_++]);
  } else if (!begun_) {
    send_header(begin_header(*step_), false);
    begun_ = true;
  } else if (next_field_ < step_->fields.size()) {
    if (credit_ <= 0) return false;
    send_field(step_->fields[next_field_++]);
  } else {
    send_header(end_header(*step_), false);
    done_ = step_->step;
    step_.reset();
  }
  return true;
}

void Session::send_mesh(const MeshPtr& mesh) {
  send_header(mesh_header(*mesh, options_.checksum), !mesh->arrays.empty());
  for (size_t i = 0; i < mesh->arrays.size(); ++i)
    send_bytes(mesh->arrays[i].bytes, i + 1 < mesh->arrays.size());
  credit_ -= static_cast<int64_t>(mesh->bytes());
  known_[{mesh->name, mesh->block}] = mesh;
}

void Session::send_field(const FieldData& field) {
  BytesPtr bytes;
  try {
    bytes = field.array.load();
  } catch (const Failure& failure) {
    // Its end will name more fields than came, so the service gives the step up; so do we.
    queue_.reject(step_->step, failure.what());
    next_field_ = step_->fields.size();
    return;
  }
  const uint32_t crc = options_.checksum ? crc32(bytes->data(), bytes->size()) : 0;
  send_header(field_header(step_->step, field, options_.checksum, crc), true);
  send_bytes(bytes, false);
  credit_ -= static_cast<int64_t>(bytes->size());
  queue_.sent(bytes->size());
}

void Session::send_header(const std::string& header, bool more) {
  said_ = Clock::now();
  if (zmq_send(socket_, header.data(), header.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0)
    lose(std::string("sending failed: ") + zmq_strerror(errno));
}

void Session::send_bytes(const BytesPtr& bytes, bool more) {
  if (state_ == State::lost) return;
  zmq_msg_t frame;
  if (bytes->size() == 0) {
    zmq_msg_init(&frame);
  } else {
    // ZeroMQ holds a reference to our bytes instead of copying them.
    auto hold = std::make_unique<BytesPtr>(bytes);
    const auto let_go = [](void*, void* hint) { delete static_cast<BytesPtr*>(hint); };
    if (zmq_msg_init_data(&frame, const_cast<void*>(bytes->data()), bytes->size(), let_go, hold.get()) != 0)
      return lose(std::string("sending failed: ") + zmq_strerror(errno));
    static_cast<void>(hold.release());
  }
  if (zmq_msg_send(&frame, socket_, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0) {
    zmq_msg_close(&frame);
    lose(std::string("sending failed: ") + zmq_strerror(errno));
  }
}

long Session::keep_alive() {
  const auto now = Clock::now();
  const double limit = options_.liveness_seconds;
  const double ping_every = std::min(1.0, limit / 4);
  if (Seconds(now - heard_).count() > limit) {
    lose("nothing came from " + options_.endpoint + " for " + std::to_string(static_cast<int>(limit)) +
         " s (is the service running?)");
    return 0;
  }
  if (Seconds(now - said_).count() >= ping_every) send_header(ping_header(), false);
  const double due = ping_every - Seconds(Clock::now() - said_).count();
  return std::max(1L, static_cast<long>(due * 1000));
}

void Session::finish(std::chrono::milliseconds linger) {
  if (state_ != State::ready) return;
  send_header(bye_header(), false);
  linger_ms_ = static_cast<int>(linger.count());
}

void Session::forget(const Step& step) {
  try {
    if (step.spilled) spill_.remove(step);
  } catch (const Failure& failure) {
    queue_.error(failure.what());  // the step is safe in the archive; its copy on disk stays
  }
}

void Session::lose(const std::string& why) {
  if (state_ == State::greeting || state_ == State::ready) {
    state_ = State::lost;
    reason_ = why;
  }
}

}  // namespace gaussitu::client
