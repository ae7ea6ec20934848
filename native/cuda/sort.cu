#include "scan.cuh"
#include "scan.hpp"
#include "sort.hpp"

namespace gaussitu::cuda {
namespace {

constexpr unsigned kBlock = 256, kEach = 4, kItems = kBlock * kEach, kDigits = 16;

__device__ __forceinline__ unsigned digit(uint32_t key, int shift) {
  return key >> shift & (kDigits - 1);
}

// How often each digit comes among a block's items: counts [kDigits, blocks].
__global__ void __launch_bounds__(kBlock)
    count_digits(const uint32_t* keys, const uint32_t* n, int shift, uint32_t* counts) {
  GAUSSITU_SHARED(uint32_t, sums, kDigits);
  if (threadIdx.x < kDigits) sums[threadIdx.x] = 0;
  __syncthreads();
  for (unsigned k = 0; k < kEach; k++) {
    const uint32_t i = blockIdx.x * kItems + k * kBlock + threadIdx.x;
    if (i < *n) atomicAdd(&sums[digit(keys[i], shift)], 1u);  // of integers: the order does not matter
  }
  __syncthreads();
  if (threadIdx.x < kDigits) counts[threadIdx.x * gridDim.x + blockIdx.x] = sums[threadIdx.x];
}

// Puts the items in their places: `starts` is the scan of counts. Threads have runs of kEach items, so that
// what comes first stays first.
__global__ void __launch_bounds__(kBlock)
    scatter(const uint32_t* keys, const uint32_t* values, const uint32_t* n, int shift,
            const uint32_t* starts, uint32_t* keys_out, uint32_t* values_out) {
  GAUSSITU_SHARED(uint32_t, counts, kDigits * kBlock);  // [digit][thread]
  GAUSSITU_SHARED(uint32_t, warps, kBlock / kWarp);
  const uint32_t first = blockIdx.x * kItems + threadIdx.x * kEach, end = *n;
  if (blockIdx.x * kItems >= end) return;  // the whole block
  uint32_t key[kEach];
  for (unsigned d = 0; d < kDigits; d++) counts[d * kBlock + threadIdx.x] = 0;
  for (unsigned k = 0; k < kEach; k++) {
    key[k] = first + k < end ? keys[first + k] : 0;
    if (first + k < end) counts[digit(key[k], shift) * kBlock + threadIdx.x]++;
  }
  __syncthreads();
  // Exclusive scan over (digit, thread): each thread scans kDigits numbers in a row.
  uint32_t sum = 0, total;
  for (unsigned k = 0; k < kDigits; k++) sum += counts[threadIdx.x * kDigits + k];
  uint32_t before = block_scan<kBlock>(sum, warps, total);
  for (unsigned k = 0; k < kDigits; k++) {
    const uint32_t c = counts[threadIdx.x * kDigits + k];
    counts[threadIdx.x * kDigits + k] = before;
    before += c;
  }
  __syncthreads();
  uint32_t to[kEach];
  for (unsigned k = 0; k < kEach; k++) {
    if (first + k >= end) break;
    const unsigned d = digit(key[k], shift);
    // Rank among the block's items of this digit: own items of it that came before are counted as well.
    uint32_t rank = counts[d * kBlock + threadIdx.x] - counts[d * kBlock];
    for (unsigned j = 0; j < k; j++) rank += digit(key[j], shift) == d;
    to[k] = starts[d * gridDim.x + blockIdx.x] + rank;
  }
  for (unsigned k = 0; k < kEach; k++) {
    if (first + k >= end) break;
    keys_out[to[k]] = key[k];
    values_out[to[k]] = values[first + k];
  }
}

}  // namespace

void Sorter::reserve(size_t capacity) {
  for (auto* a : {&keys_[0], &keys_[1], &values_[0], &values_[1]}) a->resize(capacity);
  const size_t blocks = (capacity + kItems - 1) / kItems;
  counts_.resize(kDigits * blocks + 1);
  sums_.resize(scan_blocks(kDigits * blocks) + 1);
}

void Sorter::release() {
  for (auto* a : {&keys_[0], &keys_[1], &values_[0], &values_[1], &counts_, &sums_}) a->release();
}

void Sorter::sort(const uint32_t* keys, const uint32_t* values, const uint32_t* n, int bits, Stream& stream) {
  const auto blocks = static_cast<unsigned>((keys_[0].size() + kItems - 1) / kItems);
  for (int shift = 0; shift < bits || shift == 0; shift += 4) {
    last_ ^= 1;
    launch(count_digits, blocks, kBlock, 0, stream, keys, n, shift, counts_.data());
    exclusive_scan(counts_.data(), counts_.data(), kDigits * blocks, sums_.data(), stream);
    launch(scatter, blocks, kBlock, 0, stream, keys, values, n, shift,
           static_cast<const uint32_t*>(counts_.data()), keys_[last_].data(), values_[last_].data());
    keys = keys_[last_].data();
    values = values_[last_].data();
  }
}

}  // namespace gaussitu::cuda
