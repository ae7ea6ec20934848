// The threads of a block as fibers: barriers, warp operations, shared memory, and the order of it all.
#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "emulation_parts.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulation {

Thread* current;
uint3 block_index;
dim3 block_size, grid_size;

namespace {

constexpr size_t kStackBytes = 256 << 10, kSharedLimit = 48 << 10;

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

void drop_shared() {
  for (const SharedArray& a : shared_arrays) std::free(a.storage);
  shared_arrays.clear();
}

}  // namespace

void run(const Launch& l) {
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

}  // namespace emulation
