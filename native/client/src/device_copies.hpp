// Arrays on their way from a card into the client's buffer: pinned memory, a stream of our own, one wait per
// step.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "array.hpp"
#include "cuda_driver.hpp"

namespace gaussitu::client {

/// Pinned blocks, kept for the next step: pinning memory takes longer than filling it. At most `limit` bytes
/// in all, those in use included. Thread-safe: blocks come back from the sender's thread.
class PinnedPool {
 public:
  PinnedPool(const cuda::Driver& driver, uint64_t limit) : driver_(driver), limit_(limit) {}
  ~PinnedPool();
  PinnedPool(const PinnedPool&) = delete;
  PinnedPool& operator=(const PinnedPool&) = delete;
  /// With a context current. Throws E_MEMORY.
  void* take(uint64_t bytes);
  void give(void* block, uint64_t bytes);

 private:
  void drop_free();

  const cuda::Driver& driver_;
  const uint64_t limit_;
  std::mutex mutex_;
  std::multimap<uint64_t, void*> free_;
  uint64_t pinned_ = 0;
};

/// For the simulation's thread.
class DeviceCopies {
 public:
  /// `limit`: pinned bytes at most.
  explicit DeviceCopies(uint64_t limit) : limit_(limit) {}
  ~DeviceCopies();
  DeviceCopies(const DeviceCopies&) = delete;
  DeviceCopies& operator=(const DeviceCopies&) = delete;

  /// Starts a copy of `size` bytes, after the work that `stream` (CUstream) has now; they are there after
  /// wait(). Takes over `size` of `budget`, also when it throws: E_INVALID for an address that is not the
  /// driver's or a process without one, E_MEMORY, E_INTERNAL with the driver's words.
  BytesPtr start(const void* address, uint64_t size, void* stream, std::shared_ptr<Budget> budget);
  /// The same at once, into plain memory.
  std::vector<uint8_t> now(const void* address, uint64_t size, void* stream);
  /// Until all copies are done. Throws E_INTERNAL when one failed.
  void wait();

 private:
  const cuda::Driver& need(const void* address, cuda::Context& context) const;
  /// Our stream of a context, behind the work of `after`.
  cuda::Stream stream(const cuda::Driver& driver, cuda::Context context, void* after);

  const uint64_t limit_;
  std::shared_ptr<PinnedPool> pool_;
  std::map<cuda::Context, cuda::Stream> streams_;
  bool under_way_ = false;
};

}  // namespace gaussitu::client
