// The device: its memory, its streams and events, and the calls of the CUDA runtime that reach them.
#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "emulation_parts.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
extern "C" int __sanitizer_get_ownership(const volatile void*);  // whether a heap block starts there
#endif

struct CUevent_st {
  uint64_t recorded = 0, reached = 0;  // how often; the last of them that its stream has come to
};

struct CUstream_st {
  struct Work {
    std::function<void()> run;  // empty: wait until `event` has been reached for the `ticket`th time
    std::shared_ptr<CUevent_st> event;
    uint64_t ticket = 0;
    bool blocked() const { return !run && event->reached < ticket; }
  };
  std::deque<Work> queue;
};

namespace emulation {

namespace {

std::recursive_mutex device;  // host threads take turns
uint64_t random_state = 1, launched = 0;
size_t device_memory = size_t{1} << 30, device_used = 0;
std::map<uintptr_t, size_t> allocations;
std::vector<std::unique_ptr<CUstream_st>> streams;
std::map<cudaEvent_t, std::shared_ptr<CUevent_st>> events;

// Device memory may be touched by kernels and copies alone.
void guard_memory([[maybe_unused]] bool open) {
#if defined(__SANITIZE_ADDRESS__)
  for (const auto& [at, bytes] : allocations) {
    auto* p = reinterpret_cast<void*>(at);
    open ? __asan_unpoison_memory_region(p, bytes) : __asan_poison_memory_region(p, bytes);
  }
#endif
}

void post(cudaStream_t stream, std::function<void()> work) {
  const std::lock_guard lock(device);
  if (stream == nullptr) throw Fault("work on the default stream, which waits for all others");
  stream->queue.push_back({std::move(work), nullptr, 0});
}

/// Runs the next piece of work of any stream that can go on; false when there is none.
bool advance() {
  std::vector<CUstream_st*> able;
  bool idle = true;
  for (const auto& s : streams) {
    if (s->queue.empty()) continue;
    idle = false;
    if (!s->queue.front().blocked()) able.push_back(s.get());
  }
  if (idle) return false;
  if (able.empty()) throw Fault("streams wait for each other");
  CUstream_st& s = *able[draw(able.size())];
  const CUstream_st::Work work = std::move(s.queue.front());
  s.queue.pop_front();
  if (work.run) {
    guard_memory(true);
    try {
      work.run();
    } catch (...) {
      guard_memory(false);
      for (const auto& other : streams) other->queue.clear();
      throw;
    }
    guard_memory(false);
  }
  return true;
}

template <class Done>
void advance_until(const Done& done) {
  const std::lock_guard lock(device);
  while (!done() && advance()) {
  }
}

}  // namespace

uint64_t draw(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 32) * below >> 32;
}

void* plain_memory(size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 256, std::max<size_t>(bytes, 1)) != 0) return nullptr;
  std::memset(p, 0xff, bytes);
  return p;
}

void set_seed(uint64_t seed) {
  const std::lock_guard lock(device);
  random_state = (seed + 1) * 0x9e3779b97f4a7c15u;
}

void set_device_memory(size_t bytes) {
  const std::lock_guard lock(device);
  device_memory = bytes;
}

uint64_t launches() {
  const std::lock_guard lock(device);
  return launched;
}

void enqueue(cudaStream_t stream, Launch l) {
  const uint64_t size = uint64_t{l.block.x} * l.block.y * l.block.z;
  if (size == 0 || size > 1024 || uint64_t{l.grid.x} * l.grid.y * l.grid.z == 0 || l.grid.y > 65535 ||
      l.grid.z > 65535)
    throw Fault("a launch of " + std::to_string(l.grid.x) + " blocks of " + std::to_string(size) +
                " threads");
  post(stream, [l = std::move(l)] {
    launched++;
    run(l);
  });
}

void check_argument([[maybe_unused]] const void* bytes, [[maybe_unused]] size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  const std::lock_guard lock(device);
  for (size_t k = 0; k + 8 <= size; k += 8) {
    uintptr_t word;
    std::memcpy(&word, static_cast<const char*>(bytes) + k, 8);
    if (__sanitizer_get_ownership(reinterpret_cast<const void*>(word)) && allocations.count(word) == 0)
      throw Fault("a host array is passed to a kernel");
  }
#endif
}

}  // namespace emulation

using namespace emulation;

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNotReady:
      return "device not ready";
    default:
      return "invalid argument";
  }
}

cudaError_t cudaGetLastError() {
  return cudaSuccess;  // launches that cannot be are Faults
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device != 0) return cudaErrorInvalidValue;
  *p = {};
  std::strcpy(p->name, "emulation");
  p->major = 7;
  p->minor = 5;
  p->multiProcessorCount = 1;
  p->totalGlobalMem = device_memory;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const std::lock_guard lock(device);
  *free = device_memory - device_used;
  *total = device_memory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** p, size_t bytes) {
  const std::lock_guard lock(device);
  *p = nullptr;
  if (bytes > device_memory - device_used) return cudaErrorMemoryAllocation;
  *p = plain_memory(bytes);
  device_used += bytes;
  allocations[reinterpret_cast<uintptr_t>(*p)] = bytes;
  guard_memory(false);
  return cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  if (p == nullptr) return cudaSuccess;
  const std::lock_guard lock(device);
  while (advance()) {  // as the real one, which waits for the device
  }
  const auto found = allocations.find(reinterpret_cast<uintptr_t>(p));
  if (found == allocations.end()) throw Fault("cudaFree of something else");
  guard_memory(true);
  device_used -= found->second;
  allocations.erase(found);
  std::free(p);
  guard_memory(false);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** p, size_t bytes, unsigned) {
  *p = plain_memory(bytes);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* p) {
  std::free(p);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const auto on_device = [](const void* p, size_t n) {
    const std::lock_guard lock(device);
    const auto at = reinterpret_cast<uintptr_t>(p);
    auto next = allocations.upper_bound(at);
    if (next == allocations.begin()) return false;
    --next;
    return at + n <= next->first + next->second;
  };
  if (bytes == 0) return cudaSuccess;
  if (on_device(to, bytes) != (kind != cudaMemcpyDeviceToHost) ||
      on_device(from, bytes) != (kind != cudaMemcpyHostToDevice))
    throw Fault("a copy whose ends are not where its kind says, or are too short");
  post(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream) {
  post(stream, [=] { std::memset(p, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const std::lock_guard lock(device);
  *stream = streams.emplace_back(std::make_unique<CUstream_st>()).get();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(device);
  advance_until([&] { return stream->queue.empty(); });
  std::erase_if(streams, [&](const auto& s) { return s.get() == stream; });
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  advance_until([&] { return stream->queue.empty(); });
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  advance_until([] { return false; });
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  const std::lock_guard lock(device);
  const auto state = std::make_shared<CUevent_st>();
  *event = state.get();
  events[*event] = state;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard lock(device);
  events.erase(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard lock(device);
  const uint64_t ticket = ++event->recorded;
  post(stream, [state = events.at(event), ticket] { state->reached = std::max(state->reached, ticket); });
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::lock_guard lock(device);
  stream->queue.push_back({{}, events.at(event), event->recorded});
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::lock_guard lock(device);
  if (event->reached < event->recorded) advance();
  return event->reached < event->recorded ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  advance_until([&] { return event->reached >= event->recorded; });
  return cudaSuccess;
}
