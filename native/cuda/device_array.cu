#include <algorithm>
#include <cstring>

#include "device_array.hpp"

namespace gaussitu::cuda {

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw Error(Code::unavailable, std::string("CUDA: ") + what + ": " + cudaGetErrorString(error));
}

void* Memory::take(size_t bytes) {
  if (bytes > limit_ - used_)
    throw Error(Code::no_memory, "CUDA: " + std::to_string((used_ + bytes) >> 20) +
                                     " MiB of device memory are needed, but the limit is " +
                                     std::to_string(limit_ >> 20) + " MiB");
  void* p = nullptr;
  const cudaError_t error =
      pool_ != nullptr ? cudaMallocFromPoolAsync(&p, bytes, pool_, stream_) : cudaMalloc(&p, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // clears it: the device goes on working
    throw Error(Code::no_memory, "CUDA: the device has no " + std::to_string(bytes >> 20) + " MiB left");
  }
  check(error, "allocating device memory");
  used_ += bytes;
  return p;
}

void Memory::give_back(void* p, size_t bytes) {
  if (pool_ != nullptr)
    cudaFreeAsync(p, stream_);
  else
    cudaFree(p);
  used_ -= bytes;
}

Event::Event() {
  check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event");
}

Event::~Event() {
  cudaEventDestroy(event_);
}

Stream::Stream() {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
}

Stream::~Stream() {
  cudaStreamSynchronize(stream_);
  cudaStreamDestroy(stream_);
}

void Stream::upload(void* to, const void* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kBuffer, next_ ^= 1) {
    const size_t n = std::min(kBuffer, bytes - at);
    sent_[next_].wait();  // at once when nothing was recorded
    std::memcpy(buffers_[next_].data(), static_cast<const char*>(from) + at, n);
    check(cudaMemcpyAsync(static_cast<char*>(to) + at, buffers_[next_].data(), n, cudaMemcpyHostToDevice,
                          stream_),
          "copying to the device");
    sent_[next_].record(stream_);
  }
}

void Stream::download(void* to, const void* from, size_t bytes) {
  size_t sizes[2] = {0, 0}, places[2] = {0, 0};
  const auto take = [&](int b) {
    if (sizes[b] == 0) return;
    sent_[b].wait();
    std::memcpy(static_cast<char*>(to) + places[b], buffers_[b].data(), sizes[b]);
    sizes[b] = 0;
  };
  for (size_t at = 0; at < bytes; at += kBuffer, next_ ^= 1) {
    take(next_);
    sent_[next_].wait();
    sizes[next_] = std::min(kBuffer, bytes - at);
    places[next_] = at;
    check(cudaMemcpyAsync(buffers_[next_].data(), static_cast<const char*>(from) + at, sizes[next_],
                          cudaMemcpyDeviceToHost, stream_),
          "copying from the device");
    sent_[next_].record(stream_);
  }
  take(next_);
  take(next_ ^ 1);
  synchronise();
}

}  // namespace gaussitu::cuda
