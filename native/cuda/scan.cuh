// Sums over the threads of a block.
#pragma once
#include "views.cuh"

namespace gaussitu::cuda {

/// Sum of the values of all threads before this one; `total` is the sum of all. kBlock threads, all take
/// part; `warps` is shared memory [kBlock / 32], which may be used again after the next barrier.
template <unsigned kBlock>
__device__ __forceinline__ uint32_t block_scan(uint32_t value, uint32_t* warps, uint32_t& total) {
  const unsigned lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  uint32_t sum = value;
  for (unsigned delta = 1; delta < kWarp; delta *= 2) {
    const uint32_t before = __shfl_up_sync(kFull, sum, delta);
    if (lane >= delta) sum += before;
  }
  if (lane == kWarp - 1) warps[warp] = sum;
  __syncthreads();
  uint32_t before = 0;
  total = 0;
  for (unsigned w = 0; w < kBlock / kWarp; w++) {
    if (w < warp) before += warps[w];
    total += warps[w];
  }
  return before + sum - value;
}

/// Sum over a warp, in every lane, always in the same order.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  for (unsigned bit = kWarp / 2; bit > 0; bit /= 2) value += __shfl_xor_sync(kFull, value, bit);
  return value;
}

/// Sum over a block of kBlock threads, in thread 0, always in the same order. `warps` as above.
template <unsigned kBlock, class T>
__device__ __forceinline__ T block_sum(T value, T* warps) {
  value = warp_sum(value);
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = value;
  __syncthreads();
  T total = 0;
  for (unsigned w = 0; w < kBlock / kWarp; w++) total += warps[w];
  return total;
}

}  // namespace gaussitu::cuda
