// What the parts of the emulation know of each other: a kernel's threads (emulated_block.cpp), the device's
// memory (emulated_memory.cpp), its streams and events (emulated_device.cpp).
#pragma once
#include <mutex>

#include "emulation.hpp"

namespace emulation {

/// A number below `below`, of the seed's sequence: every choice of order is one.
uint64_t draw(uint64_t below);

extern std::recursive_mutex device;  // host threads take turns

/// Queues work on a stream. `memory`: memory is taken or given back, which goes on after a Fault.
void post(cudaStream_t stream, std::function<void()> work, bool memory = false);

/// Runs the next piece of work of any stream that can go on; false when there is none.
bool advance();

/// Device memory may be touched by kernels and copies alone.
void guard_memory(bool open);

/// Memory filled with NaN; null when there is none.
void* plain_memory(size_t bytes);

/// Runs a whole grid, block by block. Throws Fault, and what the kernel throws.
void run(const Launch& launch);

}  // namespace emulation
