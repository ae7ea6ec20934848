// How much memory the sessions of a device may hold together. Header only: the CUDA library has its own.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace gaussitu {

class MemoryBudget {
 public:
  explicit MemoryBudget(size_t bytes) : limit_(bytes) {}

  /// Bytes held, given back by the destructor.
  class Reservation {
   public:
    Reservation(MemoryBudget& budget, size_t bytes) : budget_(budget), bytes_(bytes) {}
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation() { budget_.give_back(bytes_); }
    size_t bytes() const { return bytes_; }

   private:
    MemoryBudget& budget_;
    size_t bytes_;
  };

  /// Null when `bytes` are more than there ever are; else waits until they are free, first come, first
  /// served, so that a large block is not overtaken for ever by small ones.
  std::unique_ptr<Reservation> reserve(size_t bytes) {
    if (bytes > limit_) return nullptr;
    std::unique_lock lock(mutex_);
    const uint64_t ticket = next_++;
    free_.wait(lock, [&] { return ticket == serving_ && used_ + bytes <= limit_; });
    used_ += bytes;
    serving_++;
    free_.notify_all();
    return std::make_unique<Reservation>(*this, bytes);
  }

  size_t limit() const { return limit_; }
  /// Callers of reserve() that wait.
  size_t waiting() {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(next_ - serving_);
  }

 private:
  void give_back(size_t bytes) {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    free_.notify_all();
  }

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable free_;
  uint64_t next_ = 0, serving_ = 0;
  size_t used_ = 0;
};

}  // namespace gaussitu
