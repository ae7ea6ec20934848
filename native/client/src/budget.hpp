// The one bound on memory: copies of fields take from it, and give back when their last holder (queue,
// socket) lets go.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace gaussitu::client {

class Budget {
 public:
  explicit Budget(uint64_t limit) : limit_(limit) {}

  bool try_take(uint64_t bytes) {
    std::lock_guard lock(mutex_);
    return take_locked(bytes);
  }
  /// Waits for room until `deadline`, or until `give_up()` holds (looked at when woken by wake()).
  template <class GiveUp>
  bool take_until(uint64_t bytes, std::chrono::steady_clock::time_point deadline, GiveUp give_up) {
    std::unique_lock lock(mutex_);
    while (!take_locked(bytes))
      if (give_up() || room_.wait_until(lock, deadline) == std::cv_status::timeout) return take_locked(bytes);
    return true;
  }
  void give(uint64_t bytes) {
    std::lock_guard lock(mutex_);
    used_ -= bytes;
    room_.notify_all();
  }
  void wake() {
    std::lock_guard lock(mutex_);
    room_.notify_all();
  }
  uint64_t limit() const { return limit_; }
  uint64_t used() const {
    std::lock_guard lock(mutex_);
    return used_;
  }
  uint64_t peak() const {
    std::lock_guard lock(mutex_);
    return peak_;
  }

 private:
  bool take_locked(uint64_t bytes) {
    if (bytes > limit_ - used_) return false;
    used_ += bytes;
    peak_ = std::max(peak_, used_);
    return true;
  }
  const uint64_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  uint64_t used_ = 0, peak_ = 0;
};

}  // namespace gaussitu::client
