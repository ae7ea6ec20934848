// One conversation with the service: a socket of its own, from hello to the loss of the connection. A lost
// session is thrown away with whatever lay in its socket; the next one begins afresh and resends.
#pragma once
#include <zmq.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "messages.hpp"
#include "options.hpp"
#include "queue.hpp"
#include "spill.hpp"

namespace gaussitu::client {

class Session {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State { greeting, ready, lost, refused };

  /// Connects (in the background) and says hello. Throws E_INVALID for an endpoint that ZeroMQ does not take.
  Session(void* context, const Options& options, Queue& queue, Spill& spill, bool welcomed_before);
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void* socket() const { return socket_; }
  void* monitor() const { return monitor_; }
  State state() const { return state_; }
  const std::string& reason() const { return reason_; }  // why lost or refused

  /// Takes all answers and connection events that are there.
  void receive();
  /// Sends one message if there is one and the credit allows it; false when not.
  bool send_next();
  /// Pings when quiet, gives up when the service has been silent for too long. Returns milliseconds to sleep.
  long keep_alive();
  /// Says goodbye; the socket then takes at most `linger` to get rid of what it holds.
  void finish(std::chrono::milliseconds linger);

 private:
  void receive_answers();
  void handle(const Answer& answer);
  void handle_error(const Answer& answer);
  bool next_step();
  void send_header(const std::string& header, bool more);
  void send_bytes(const BytesPtr& bytes, bool more);
  void send_mesh(const MeshPtr& mesh);
  void send_field(const FieldData& field);
  void forget(const Step& step);
  void lose(const std::string& why);
  void close();

  const Options& options_;
  Queue& queue_;
  Spill& spill_;
  const bool welcomed_before_;
  void* socket_ = nullptr;
  void* monitor_ = nullptr;
  int linger_ms_ = 0;
  State state_ = State::greeting;
  std::string reason_;
  int64_t credit_ = 0;
  uint64_t max_message_ = 0;
  Clock::time_point heard_ = Clock::now(), said_ = Clock::now();

  std::map<std::pair<std::string, int64_t>, MeshPtr> known_;  // mesh versions the service has
  int64_t done_ = -1;                                         // last step sent completely
  StepPtr step_;                                              // being sent
  std::vector<MeshPtr> meshes_;                               // to be sent before it
  size_t next_mesh_ = 0, next_field_ = 0;
  bool begun_ = false;
};

}  // namespace gaussitu::client
