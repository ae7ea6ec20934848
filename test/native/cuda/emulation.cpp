#include "emulation.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
extern "C" int __sanitizer_get_ownership(const volatile void*);  // whether a heap block starts there
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
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

Thread* current;
uint3 block_index;
dim3 block_size, grid_size;

namespace {

constexpr size_t kStackBytes = 256 << 10, kSharedLimit = 48 << 10;

std::recursive_mutex device;  // host threads take turns
uint64_t random_state = 1, launched = 0;
size_t device_memory = size_t{1} << 30, device_used = 0;
std::map<uintptr_t, size_t> allocations;
std::vector<std::unique_ptr<CUstream_st>> streams;
std::map<cudaEvent_t, std::shared_ptr<CUevent_st>> events;

uint64_t draw(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 32) * below >> 32;
}

bool same(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

enum class State { ready, barrier, warp, done };

struct Fiber {
  Thread thread;
  State state;
  Site site;
  WarpOp op;
  unsigned mask, from, index;
  uint64_t value, result;
#if defined(__x86_64__)
  void* stack_pointer;
#else
  ucontext_t context;
#endif
  char* stack;
  void* fake_stack;
};

struct SharedArray {
  const void* key;
  size_t bytes;
  void* storage;
};

std::vector<std::unique_ptr<Fiber>> fibers;  // of the block that runs, and spare ones
unsigned threads;                            // of that block
std::vector<unsigned> ready, waiting;        // waiting: [warps] lanes in a warp operation
std::vector<SharedArray> shared_arrays;
size_t dynamic_bytes;
const Launch* launch_of_block;
std::exception_ptr fault;
Fiber* running;

// The scheduler's own stack, between which and the fibers' control goes back and forth.
#if defined(__x86_64__)
void* scheduler_pointer;
#else
ucontext_t scheduler_context;
#endif
[[maybe_unused]] void* scheduler_fake_stack;
[[maybe_unused]] const void* scheduler_stack;
[[maybe_unused]] size_t scheduler_stack_bytes;

}  // namespace

#if defined(__x86_64__)
// Saves what a called function must preserve, and goes on where `to` left off. swapcontext() would do, with
// two system calls each time.
extern "C" void emulation_switch(void** from, void* to);
asm(R"(
.text
.type emulation_switch, @function
emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulation_switch, .-emulation_switch
)");
#endif

namespace {

void to_fiber(Fiber& f) {
  running = &f;
  current = &f.thread;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&scheduler_fake_stack, f.stack, kStackBytes);
#endif
#if defined(__x86_64__)
  emulation_switch(&scheduler_pointer, f.stack_pointer);
#else
  swapcontext(&scheduler_context, &f.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(scheduler_fake_stack, nullptr, nullptr);
#endif
}

void arrived() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(running->fake_stack, &scheduler_stack, &scheduler_stack_bytes);
#endif
}

void to_scheduler() {
  Fiber& f = *running;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(f.state == State::done ? nullptr : &f.fake_stack, scheduler_stack,
                                 scheduler_stack_bytes);
#endif
#if defined(__x86_64__)
  emulation_switch(&f.stack_pointer, scheduler_pointer);
#else
  swapcontext(&f.context, &scheduler_context);
#endif
  arrived();
}

void run_thread() {
  try {
    launch_of_block->thread();
  } catch (...) {
    fault = std::current_exception();
  }
}

__attribute__((no_sanitize_address)) void fiber_main() {
  arrived();
  run_thread();
  running->state = State::done;
  to_scheduler();
}

void prepare(Fiber& f, unsigned index) {
  const dim3& b = launch_of_block->block;
  f.index = index;
  f.thread = {{index % b.x, index / b.x % b.y, index / (b.x * b.y)}, index % 32};
  f.state = State::ready;
  f.fake_stack = nullptr;
  if (f.stack == nullptr) {
    // A page below that must not be touched: a stack that overflows stops the program.
    void* p = mmap(nullptr, kStackBytes + 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, 4096, PROT_NONE) != 0) throw Fault("no memory for a fiber's stack");
    f.stack = static_cast<char*>(p) + 4096;
  }
#if defined(__x86_64__)
  auto** top = reinterpret_cast<void**>(f.stack + kStackBytes - 64);
  std::fill(top, top + 8, nullptr);
  top[6] = reinterpret_cast<void*>(&fiber_main);
  f.stack_pointer = top;
#else
  getcontext(&f.context);
  f.context.uc_stack = {f.stack, 0, kStackBytes};
  f.context.uc_link = nullptr;
  makecontext(&f.context, &fiber_main, 0);
#endif
}

void forget_stacks() {
#if defined(__SANITIZE_ADDRESS__)
  for (const auto& f : fibers) __asan_unpoison_memory_region(f->stack, kStackBytes);
#endif
}

std::string where(const Fiber& f) {
  if (f.state == State::done) return "left the kernel";
  const char* name = std::strrchr(f.site.file, '/');
  return std::string(f.state == State::barrier ? "waits at the barrier " : "waits at the warp operation ") +
         (name ? name + 1 : f.site.file) + ":" + std::to_string(f.site.line);
}

// Nobody can run: either all have met at one barrier, or they never will.
void settle() {
  const Fiber& first = *fibers[0];
  bool all_done = true;
  for (unsigned i = 0; i < threads; i++) all_done &= fibers[i]->state == State::done;
  if (all_done) return;
  for (unsigned i = 0; i < threads; i++) {
    Fiber& f = *fibers[i];
    const bool agrees = f.state == first.state && (f.state == State::done || same(f.site, first.site));
    if (!agrees || f.state == State::warp)
      throw Fault("divergent: thread " + std::to_string(i) + " of block " + std::to_string(block_index.x) +
                  " " + where(f) + ", thread 0 " + where(first));
  }
  for (unsigned i = 0; i < threads; i++) {
    fibers[i]->state = State::ready;
    ready.push_back(i);
  }
}

void run_block(const Launch& l) {
  launch_of_block = &l;
  threads = l.block.x * l.block.y * l.block.z;
  dynamic_bytes = l.shared_bytes;
  while (fibers.size() < threads) fibers.push_back(std::make_unique<Fiber>());
  ready.clear();
  waiting.assign((threads + 31) / 32, 0);
  for (unsigned i = 0; i < threads; i++) {
    prepare(*fibers[i], i);
    ready.push_back(i);
  }
  while (!ready.empty()) {
    std::swap(ready[draw(ready.size())], ready.back());
    Fiber& f = *fibers[ready.back()];
    ready.pop_back();
    to_fiber(f);
    if (fault) std::rethrow_exception(std::exchange(fault, nullptr));
    if (ready.empty()) settle();
  }
}

// Device memory may be touched by kernels and copies alone.
void guard_memory([[maybe_unused]] bool open) {
#if defined(__SANITIZE_ADDRESS__)
  for (const auto& [at, bytes] : allocations) {
    auto* p = reinterpret_cast<void*>(at);
    open ? __asan_unpoison_memory_region(p, bytes) : __asan_poison_memory_region(p, bytes);
  }
#endif
}

void drop_shared() {
  for (const SharedArray& a : shared_arrays) std::free(a.storage);
  shared_arrays.clear();
}

void run(const Launch& l) {
  launched++;
  block_size = l.block;
  grid_size = l.grid;
  std::vector<uint64_t> order(uint64_t{l.grid.x} * l.grid.y * l.grid.z);
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[draw(i)]);
  try {
    for (const uint64_t b : order) {
      block_index = {static_cast<unsigned>(b % l.grid.x), static_cast<unsigned>(b / l.grid.x % l.grid.y),
                     static_cast<unsigned>(b / (uint64_t{l.grid.x} * l.grid.y))};
      run_block(l);
      drop_shared();
    }
  } catch (...) {
    drop_shared();
    forget_stacks();
    throw;
  }
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

void* plain_memory(size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 256, std::max<size_t>(bytes, 1)) != 0) return nullptr;
  std::memset(p, 0xff, bytes);
  return p;
}

}  // namespace

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

void barrier(Site site) {
  running->state = State::barrier;
  running->site = site;
  to_scheduler();
}

uint64_t warp(Site site, WarpOp op, unsigned mask, uint64_t value, unsigned from) {
  Fiber& f = *running;
  const unsigned first = f.index / 32 * 32, own = 1u << f.thread.lane;
  if (!(mask & own)) throw Fault("a lane calls a warp operation whose mask leaves it out");
  f.state = State::warp;
  f.site = site;
  f.op = op;
  f.mask = mask;
  f.value = value;
  f.from = from;
  unsigned& here = waiting[first / 32];
  here |= own;
  bool complete = (here & mask) == mask;
  for (unsigned left = complete ? mask : 0; left != 0; left &= left - 1) {
    const Fiber& other = *fibers[first + static_cast<unsigned>(__builtin_ctz(left))];
    complete &= other.mask == mask && other.op == op && same(other.site, site);
  }
  if (complete) {
    unsigned votes = 0;
    for (unsigned left = mask; left != 0; left &= left - 1) {
      const int lane = __builtin_ctz(left);
      votes |= static_cast<unsigned>(fibers[first + lane]->value != 0) << lane;
    }
    for (unsigned left = mask; left != 0; left &= left - 1) {
      Fiber& other = *fibers[first + static_cast<unsigned>(__builtin_ctz(left))];
      other.result = votes;
      if (op == WarpOp::shuffle) {
        if (other.from > 31 || !(mask >> other.from & 1))
          throw Fault("a shuffle reads a lane that does not take part");
        other.result = fibers[first + other.from]->value;
      } else if (op == WarpOp::match) {
        other.result = 0;
        for (unsigned l = mask; l != 0; l &= l - 1)
          if (fibers[first + static_cast<unsigned>(__builtin_ctz(l))]->value == other.value)
            other.result |= l & -l;
      }
      other.state = State::ready;
      ready.push_back(other.index);
    }
    here &= ~mask;
  }
  to_scheduler();
  return f.result;
}

void* shared(const void* key, size_t bytes) {
  size_t total = dynamic_bytes;
  for (const SharedArray& a : shared_arrays) {
    if (a.key == key) return a.storage;
    if (a.key != &dynamic_bytes) total += a.bytes;
  }
  if (key != &dynamic_bytes) total += bytes;
  if (total > kSharedLimit) throw Fault("more than 48 KiB of shared memory in a block");
  return shared_arrays.emplace_back(SharedArray{key, bytes, plain_memory(bytes)}).storage;
}

void* dynamic_shared() {
  return shared(&dynamic_bytes, dynamic_bytes);
}

void enqueue(cudaStream_t stream, Launch l) {
  const uint64_t size = uint64_t{l.block.x} * l.block.y * l.block.z;
  if (size == 0 || size > 1024 || uint64_t{l.grid.x} * l.grid.y * l.grid.z == 0 || l.grid.y > 65535 ||
      l.grid.z > 65535)
    throw Fault("a launch of " + std::to_string(l.grid.x) + " blocks of " + std::to_string(size) +
                " threads");
  post(stream, [l = std::move(l)] { run(l); });
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
