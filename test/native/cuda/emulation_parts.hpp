// What the two halves of the emulation know of each other: a kernel's threads (emulated_block.cpp), and the
// device's memory, streams and events (emulated_device.cpp).
#pragma once
#include "emulation.hpp"

namespace emulation {

/// A number below `below`, of the seed's sequence: every choice of order is one.
uint64_t draw(uint64_t below);

/// Memory filled with NaN; null when there is none.
void* plain_memory(size_t bytes);

/// Runs a whole grid, block by block. Throws Fault, and what the kernel throws.
void run(const Launch& launch);

}  // namespace emulation
