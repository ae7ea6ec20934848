// What the simulation's thread and the sender thread share: the steps not acknowledged yet, and the counters.
// Bounded by the Budget (copies), the caller (borrowed arrays) and the disk (spilled steps).
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "gaussitu.h"
#include "messages.hpp"
#include "step.hpp"

namespace gaussitu::client {

class Queue {
 public:
  void push(StepPtr step);
  /// The oldest pending step with a number above `step`; nullptr when there is none.
  StepPtr after(int64_t step) const;

  /// The service has made `ack.step` durable. Steps complete in order, so earlier ones still pending never
  /// will: a rank left them out, or the service refused a part. Returns the acknowledged step, if it was
  /// pending.
  StepPtr acknowledge(const Answer& ack);
  void welcomed();
  /// This step cannot be stored: sending it again would fail again.
  void reject(int64_t step, const std::string& why);
  /// Takes out all pending steps, oldest first.
  std::vector<StepPtr> take_all();

  void drop(int64_t step, const std::string& why);
  void spilled(int64_t steps);
  void disconnected(const std::string& why);
  void refuse(const std::string& why);
  void remark(const std::string& sentence);  // for gaussitu_last_error
  void error(const std::string& sentence);   // ditto, counted
  void sent(uint64_t bytes);
  void ended(uint64_t bytes);
  void blocked(double seconds);

  /// Grows with every sign of life that may free memory: welcomes and acknowledgements.
  uint64_t progress() const;
  bool refused() const { return refused_; }
  /// A service has welcomed this rank, now or before.
  bool answered() const { return progress() > 0; }
  /// Waits until no step is pending; false at the deadline, when refused, or when by `answer_by` no service
  /// has ever answered.
  bool wait_empty(std::chrono::steady_clock::time_point deadline,
                  std::chrono::steady_clock::time_point answer_by);
  /// Waits until connected; false at the deadline or when refused.
  bool wait_connected(std::chrono::steady_clock::time_point deadline);
  gaussitu_status status() const;
  std::vector<int64_t> dropped_steps() const;
  std::string last_error() const;

 private:
  void record_lost(int64_t step);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<StepPtr> steps_;
  std::deque<int64_t> lost_;  // numbers of dropped and rejected steps
  gaussitu_status status_ = [] {
    gaussitu_status s{};
    s.size = sizeof s;
    s.last_acknowledged = -1;
    return s;
  }();
  std::atomic<bool> refused_{false};  // read by a waiting Budget, which must not take our lock
  int64_t last_ = -1;                 // last step pushed
  uint64_t progress_ = 0;
  std::string error_;
};

}  // namespace gaussitu::client
