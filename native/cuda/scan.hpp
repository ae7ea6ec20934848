// Prefix sums.
#pragma once
#include "device_array.hpp"

namespace gaussitu::cuda {

/// Numbers that `out` of exclusive_scan() holds and that `sums` needs room for.
inline size_t scan_blocks(size_t n) {
  return (n + 1023) / 1024;
}

/// out[i] = in[0] + ... + in[i - 1] for i in [0, n]: n + 1 numbers. `out` may be `in`. sums [scan_blocks(n)].
void exclusive_scan(const uint32_t* in, uint32_t* out, size_t n, uint32_t* sums, Stream& stream);

}  // namespace gaussitu::cuda
