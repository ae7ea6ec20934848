// One coupled rank: what the functions of gaussitu.h do, with exceptions of ours (Failure) instead of
// statuses.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "budget.hpp"
#include "device_copies.hpp"
#include "options.hpp"
#include "queue.hpp"
#include "sender.hpp"
#include "spill.hpp"

namespace gaussitu::client {

class Client {
 public:
  explicit Client(Options options);

  bool off() const { return options_.policy == GAUSSITU_OFF; }
  void define(MeshPtr mesh);
  /// The current version of a mesh. Throws E_INVALID when it is not defined.
  const Mesh& mesh(const char* name, int64_t block) const;
  int begin_step(int64_t step, double time);
  /// `borrowed`: the caller's array, kept instead of copied; else `data` is copied.
  int put_field(const gaussitu_field& field, const void* data, std::shared_ptr<const void> borrowed);
  /// `data` is on a card; it must not change until end_step(). `stream`: a CUstream to come after.
  int put_device_field(const gaussitu_field& field, const void* data, void* stream);
  int set_time(double time);
  int put_value(const char* name, StepValue value);
  int end_step();
  int wait_connected(double seconds);
  int flush(double seconds);
  int close(double seconds, std::string& report);
  gaussitu_status status() const;
  const Queue& queue() const { return queue_; }
  Queue& queue() { return queue_; }

  std::string said;  // what gaussitu_last_error returned last

 private:
  MeshPtr defined(const std::string& mesh, int64_t block, const std::string& what) const;
  FieldData describe(const gaussitu_field& field) const;
  /// Where the values of a field are, and how they come to us.
  struct Values {
    const void* data = nullptr;
    std::shared_ptr<const void> borrowed;  // else copied
    bool on_device = false;
    void* stream = nullptr;
  };
  int put(const gaussitu_field& field, const Values& values);
  int store(FieldData& field, const Values& values);
  bool reserve(uint64_t bytes);
  void start_spilling();
  void give_up(const std::string& why);
  /// Until all is durable; a service that has never answered is lost after liveness_seconds, here as in a
  /// session.
  bool wait_stored(std::chrono::steady_clock::time_point until);
  /// Writes what is pending to disk; returns how many steps could not be written.
  size_t spill_rest();

  const Options options_;
  std::shared_ptr<Budget> budget_;
  DeviceCopies copies_;
  Queue queue_;
  Spill spill_;
  std::map<std::pair<std::string, int64_t>, MeshPtr> meshes_;
  StepPtr current_;
  int fate_ = GAUSSITU_OK;  // of the current step: OK, SPILLED, or the status with which it was given up
  uint64_t copied_ = 0;     // bytes of copies in the current step
  int64_t last_step_ = -1;
  uint64_t impatient_since_ = UINT64_MAX;  // queue progress at the last wait in vain
  std::unique_ptr<Sender> sender_;         // last: its thread uses the rest
};

}  // namespace gaussitu::client
