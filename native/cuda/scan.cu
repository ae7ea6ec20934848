#include "scan.cuh"
#include "scan.hpp"

namespace gaussitu::cuda {
namespace {

constexpr unsigned kBlock = 256, kEach = 4;

// Scans 1024 numbers per block for itself.
__global__ void __launch_bounds__(kBlock)
    scan_parts(const uint32_t* in, uint32_t* out, uint32_t n, uint32_t* sums) {
  GAUSSITU_SHARED(uint32_t, warps, kBlock / kWarp);
  const uint32_t first = (blockIdx.x * kBlock + threadIdx.x) * kEach;
  uint32_t own[kEach], sum = 0;
  for (unsigned k = 0; k < kEach; k++) {
    own[k] = first + k < n ? in[first + k] : 0;
    sum += own[k];
  }
  uint32_t total;
  uint32_t before = block_scan<kBlock>(sum, warps, total);
  for (unsigned k = 0; k < kEach; k++) {
    if (first + k < n) out[first + k] = before;
    before += own[k];
  }
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

// Scans the sums, one block; what all come to follows the last number.
__global__ void __launch_bounds__(kBlock) scan_sums(uint32_t* sums, uint32_t count, uint32_t* all) {
  GAUSSITU_SHARED(uint32_t, warps, kBlock / kWarp);
  uint32_t carry = 0;
  for (uint32_t first = 0; first < count; first += kBlock) {
    const uint32_t i = first + threadIdx.x;
    uint32_t total;
    const uint32_t before = block_scan<kBlock>(i < count ? sums[i] : 0, warps, total);
    if (i < count) sums[i] = carry + before;
    carry += total;
    __syncthreads();
  }
  if (threadIdx.x == 0) *all = carry;
}

__global__ void __launch_bounds__(kBlock) add_sums(uint32_t* out, uint32_t n, const uint32_t* sums) {
  const uint32_t first = (blockIdx.x * kBlock + threadIdx.x) * kEach;
  for (unsigned k = 0; k < kEach; k++)
    if (first + k < n) out[first + k] += sums[blockIdx.x];
}

}  // namespace

void exclusive_scan(const uint32_t* in, uint32_t* out, size_t n, uint32_t* sums, Stream& stream) {
  const auto count = static_cast<uint32_t>(n);
  const auto blocks = static_cast<unsigned>(scan_blocks(n));
  if (blocks > 0) launch(scan_parts, blocks, kBlock, 0, stream, in, out, count, sums);
  launch(scan_sums, 1, kBlock, 0, stream, sums, blocks, out + n);
  if (blocks > 1) launch(add_sums, blocks, kBlock, 0, stream, out, count, static_cast<const uint32_t*>(sums));
}

}  // namespace gaussitu::cuda
