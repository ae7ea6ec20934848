// The device: its streams and events, and the calls of the CUDA runtime that reach them.
#include <algorithm>
#include <deque>
#include <utility>

#include "emulation_parts.hpp"

struct CUevent_st {
  uint64_t recorded = 0, reached = 0;  // how often; the last of them that its stream has come to
};

struct CUstream_st {
  struct Work {
    std::function<void()> run;  // empty: wait until `event` has been reached for the `ticket`th time
    std::shared_ptr<CUevent_st> event;
    uint64_t ticket = 0;
    bool memory = false;  // taken or given back: that goes on after a Fault
    bool blocked() const { return !run && event->reached < ticket; }
  };
  std::deque<Work> queue;
};

namespace emulation {

std::recursive_mutex device;

namespace {

uint64_t random_state = 1, launched = 0;
std::vector<std::unique_ptr<CUstream_st>> streams;
std::map<cudaEvent_t, std::shared_ptr<CUevent_st>> events;

template <class Done>
void advance_until(const Done& done) {
  const std::lock_guard lock(device);
  while (!done() && advance()) {
  }
}

}  // namespace

void post(cudaStream_t stream, std::function<void()> work, bool memory) {
  const std::lock_guard lock(device);
  if (stream == nullptr) throw Fault("work on the default stream, which waits for all others");
  stream->queue.push_back({std::move(work), nullptr, 0, memory});
}

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
      for (const auto& other : streams)
        std::erase_if(other->queue, [](const auto& queued) { return !queued.memory; });
      throw;
    }
    guard_memory(false);
  }
  return true;
}

uint64_t draw(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 32) * below >> 32;
}

void set_seed(uint64_t seed) {
  const std::lock_guard lock(device);
  random_state = (seed + 1) * 0x9e3779b97f4a7c15u;
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
  size_t free = 0;
  cudaMemGetInfo(&free, &p->totalGlobalMem);
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
  stream->queue.push_back({{}, events.at(event), event->recorded, false});
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
