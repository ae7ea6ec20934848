// Owners of what the CUDA run time hands out: streams, events, device and pinned memory.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "launch.hpp"

namespace gaussitu::cuda {

/// Throws Error(unavailable) that names what failed.
void check(cudaError_t error, const char* what);

/// Device memory that one user may take; no limit by default. Not thread-safe: one per stream.
class Memory {
 public:
  /// From cudaMalloc: giving it back waits for the device.
  explicit Memory(size_t limit = SIZE_MAX) : limit_(limit) {}
  /// From a pool, in the order of `stream`: for work on that stream alone, and nothing waits. Without a pool
  /// as above.
  Memory(cudaMemPool_t pool, cudaStream_t stream, size_t limit)
      : pool_(pool), stream_(stream), limit_(limit) {}
  Memory(const Memory&) = delete;
  /// Throws Error(no_memory).
  void* take(size_t bytes);
  void give_back(void* p, size_t bytes);
  size_t used() const { return used_; }

 private:
  cudaMemPool_t pool_ = nullptr;
  cudaStream_t stream_ = nullptr;
  size_t limit_, used_ = 0;
};

class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "recording an event"); }
  void wait() const { check(cudaEventSynchronize(event_), "waiting for the device"); }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Pinned host memory [n].
template <class T>
class PinnedArray {
 public:
  explicit PinnedArray(size_t n) : size_(n) {
    void* p = nullptr;
    check(cudaHostAlloc(&p, n * sizeof(T), cudaHostAllocDefault), "allocating pinned memory");
    data_ = static_cast<T*>(p);
  }
  ~PinnedArray() { cudaFreeHost(data_); }
  PinnedArray(const PinnedArray&) = delete;
  T* data() const { return data_; }
  T& operator[](size_t i) const { return data_[i]; }
  size_t size() const { return size_; }

 private:
  T* data_ = nullptr;
  size_t size_;
};

/// A stream and its pinned memory. Copies go through two buffers, one while the other travels.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }
  /// `from` may be changed as soon as this returns; the copy itself may still be on its way.
  void upload(void* to, const void* from, size_t bytes);
  /// Waits for everything on the stream, this copy last.
  void download(void* to, const void* from, size_t bytes);
  /// Pinned memory [n] for one user at a time. Kept, and grown where it is too small: contents are lost then,
  /// and nothing on the stream may use them any more.
  template <class T>
  T* pinned(size_t n) {
    if (!own_ || own_->size() < n * sizeof(T)) {
      own_.reset();
      own_ = std::make_unique<PinnedArray<char>>(std::max(n * sizeof(T), size_t{4096}));
    }
    return reinterpret_cast<T*>(own_->data());
  }
  void synchronise() const { check(cudaStreamSynchronize(stream_), "waiting for the device"); }

 private:
  static constexpr size_t kBuffer = size_t{1} << 20;
  cudaStream_t stream_ = nullptr;
  PinnedArray<char> buffers_[2]{PinnedArray<char>(kBuffer), PinnedArray<char>(kBuffer)};
  std::unique_ptr<PinnedArray<char>> own_;
  Event sent_[2];
  int next_ = 0;
};

/// Device memory [n] that grows and is kept until it goes; contents are lost when it grows.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(Memory& memory) : memory_(&memory) {}
  ~DeviceArray() { release(); }
  DeviceArray(const DeviceArray&) = delete;
  /// Makes room for n; contents are lost when there was less.
  void reserve(size_t n) {
    if (n <= capacity_) return;
    release();
    data_ = static_cast<T*>(memory_->take(n * sizeof(T)));
    capacity_ = n;
  }
  void resize(size_t n) {
    reserve(n);
    size_ = n;
  }
  void release() {
    if (data_) memory_->give_back(data_, capacity_ * sizeof(T));
    data_ = nullptr;
    size_ = capacity_ = 0;
  }
  T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  void upload(Stream& stream, const T* from, size_t n) {
    resize(n);
    stream.upload(data_, from, n * sizeof(T));
  }
  std::vector<T> download(Stream& stream) const {
    std::vector<T> out(size_);
    stream.download(out.data(), data_, size_ * sizeof(T));
    return out;
  }

 private:
  Memory* memory_;
  T* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace gaussitu::cuda
