#include <algorithm>
#include <bit>

#include "pair.cuh"
#include "reach.hpp"
#include "scan.cuh"
#include "scan.hpp"

namespace gaussitu::cuda {
namespace {

// Half sizes of the boxes around the supports: sqrt(8 (A^-1 A^-T)_kk), a little enlarged. In double: the
// inverse of a needle's A cancels.
__global__ void __launch_bounds__(kThreads) find_extents(ModelView m, float4* half) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= m.count) return;
  const Gaussian g = gaussian(m, i);
  const double i00 = 1 / double{g.a[0]}, i11 = 1 / double{g.a[3]}, i22 = 1 / double{g.a[5]};
  const double i01 = -g.a[1] * i00 * i11, i12 = -g.a[4] * i11 * i22,
               i02 = (double{g.a[1]} * g.a[4] - double{g.a[2]} * g.a[3]) * i00 * i11 * i22;
  const double r = sqrt(double{kSupport2}) * 1.001;
  half[i] =
      make_float4(static_cast<float>(r * sqrt(i00 * i00 + i01 * i01 + i02 * i02)),
                  static_cast<float>(r * sqrt(i11 * i11 + i12 * i12)), static_cast<float>(r * fabs(i22)), 0);
}

// By differences, which are rounded relative to themselves; written so that a NaN extent keeps it.
__device__ __forceinline__ bool near(const Gaussian& g, const float4& half, const float4& lo,
                                     const float4& hi) {
  return !(g.mu[0] - hi.x > half.x || lo.x - g.mu[0] > half.x || g.mu[1] - hi.y > half.y ||
           lo.y - g.mu[1] > half.y || g.mu[2] - hi.z > half.z || lo.z - g.mu[2] > half.z);
}

__device__ __forceinline__ float clamp(float x, float lo, float hi) {
  return fminf(fmaxf(x, lo), hi);
}

/// A lower bound of |A (x - mu)|^2 over the box. For any u, |A x| >= (u . A x) / |u| = (A^T u . x) / |u|, and
/// the least of that over a box is a sum of per-axis extremes; u = A d, d the nearest point of the box as
/// three sweeps of coordinate descent leave it. The bound holds wherever they end; rounding is covered by the
/// slack.
__device__ __forceinline__ float distance_bound(const Gaussian& g, const float4& lo, const float4& hi) {
  const float l[3] = {lo.x - g.mu[0], lo.y - g.mu[1], lo.z - g.mu[2]},
              h[3] = {hi.x - g.mu[0], hi.y - g.mu[1], hi.z - g.mu[2]};
  const float* a = g.a;
  const float p00 = a[0] * a[0], p01 = a[0] * a[1], p02 = a[0] * a[2], p11 = a[1] * a[1] + a[3] * a[3],
              p12 = a[1] * a[2] + a[3] * a[4], p22 = a[2] * a[2] + a[4] * a[4] + a[5] * a[5];
  float d0 = clamp(0, l[0], h[0]), d1 = clamp(0, l[1], h[1]), d2 = clamp(0, l[2], h[2]);
  if (d0 == 0 && d1 == 0 && d2 == 0) return 0;
  for (int sweep = 0; sweep < 3; sweep++) {
    d0 = clamp(-(p01 * d1 + p02 * d2) / p00, l[0], h[0]);
    d1 = clamp(-(p12 * d2 + p01 * d0) / p11, l[1], h[1]);
    d2 = clamp(-(p02 * d0 + p12 * d1) / p22, l[2], h[2]);
  }
  const float u2 = a[5] * d2, u1 = a[3] * d1 + a[4] * d2, u0 = a[0] * d0 + a[1] * d1 + a[2] * d2;
  const float n[3] = {a[0] * u0, a[1] * u0 + a[3] * u1, a[2] * u0 + a[4] * u1 + a[5] * u2};
  float least = 0;
  for (int k = 0; k < 3; k++) least += fminf(n[k] * l[k], n[k] * h[k]);
  const float norm2 = u0 * u0 + u1 * u1 + u2 * u2;
  if (!(norm2 > 0) || least <= 0) return 0;
  const auto far = [&](int k) { return fmaxf(fabsf(l[k]), fabsf(h[k])); };
  const float size = fabsf(a[0]) * far(0) + (fabsf(a[1]) + fabsf(a[3])) * far(1) +
                     (fabsf(a[2]) + fabsf(a[4]) + fabsf(a[5])) * far(2);
  const float bound = fmaxf(0.0f, least / sqrtf(norm2) - 4e-6f * size);
  return bound * bound * (1 - 1e-5f);
}

// A warp per Gaussian: lanes try groups of 32 tiles first, then the tiles of those that are near. Counts the
// tiles, or writes them, ascending. Rows of lists that do not fit become empty.
template <bool kWrite>
__global__ void __launch_bounds__(kThreads)
    find_tiles(ModelView m, SamplesView s, const float4* half, uint32_t* starts, const uint32_t* numbers,
               uint32_t* tiles, uint32_t* owners) {
  const uint32_t i = blockIdx.x * kWarps + threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  if (i >= m.count) return;
  if (kWrite && numbers[0] != numbers[1]) {
    if (lane == 0) starts[i] = 0;
    if (lane == 0 && i + 1 == m.count) starts[m.count] = 0;
    return;
  }
  const Gaussian g = gaussian(m, i);
  const float4 own = half[i];
  const uint32_t groups = (s.tile_count + kWarp - 1) / kWarp;
  uint32_t found = kWrite ? starts[i] : 0;
  for (uint32_t base = 0; base < groups; base += kWarp) {
    const uint32_t group = base + lane;
    unsigned left =
        __ballot_sync(kFull, group < groups && near(g, own, s.group_lo[group], s.group_hi[group]));
    for (; left != 0; left &= left - 1) {
      const uint32_t t = (base + static_cast<uint32_t>(__ffs(static_cast<int>(left)) - 1)) * kWarp + lane;
      const bool hit = t < s.tile_count && near(g, own, s.tile_lo[t], s.tile_hi[t]) &&
                       distance_bound(g, s.tile_lo[t], s.tile_hi[t]) < kSupport2;
      const unsigned hits = __ballot_sync(kFull, hit);
      if (kWrite && hit) {
        const uint32_t at = found + static_cast<uint32_t>(__popc(hits & ((1u << lane) - 1)));
        tiles[at] = t;
        owners[at] = i;
      }
      found += static_cast<uint32_t>(__popc(hits));
    }
  }
  if (!kWrite && lane == 0) starts[i] = found;
}

// All or none: lists that do not fit are empty.
__global__ void fit_lists(const uint32_t* wanted, uint32_t capacity, uint32_t* numbers) {
  numbers[0] = *wanted;
  numbers[1] = *wanted <= capacity ? *wanted : 0;
}

// First pair of each tile among the sorted ones.
__global__ void __launch_bounds__(kThreads)
    find_starts(const uint32_t* keys, const uint32_t* n, uint32_t tiles, uint32_t* starts) {
  for (uint32_t k = blockIdx.x * kThreads + threadIdx.x; k <= *n; k += gridDim.x * kThreads) {
    // Tiles after the one of pair k - 1, up to the one of pair k, start at k.
    const uint32_t from = k > 0 ? keys[k - 1] + 1 : 0, to = k < *n ? keys[k] : tiles;
    for (uint32_t t = from; t <= to; t++) starts[t] = k;
  }
}

unsigned blocks_of(size_t n, size_t each) {
  return static_cast<unsigned>((n + each - 1) / each);
}

}  // namespace

DeviceReach::DeviceReach(Memory& memory)
    : half_(memory),
      tile_starts_(memory),
      tiles_(memory),
      owners_(memory),
      gaussian_starts_(memory),
      sums_(memory),
      numbers_(memory),
      sorter_(memory) {}

void DeviceReach::reserve(size_t pairs) {
  try {
    for (auto* a : {&tiles_, &owners_}) a->resize(pairs);
    sorter_.reserve(pairs);
  } catch (...) {  // all or none: a smaller model may still fit
    for (auto* a : {&tiles_, &owners_}) a->release();
    sorter_.release();
    throw;
  }
}

void DeviceReach::find(const ModelView& m, const DeviceSamples& samples, Stream& stream) {
  const SamplesView s = samples.view();
  half_.resize(m.count);
  tile_starts_.resize(m.count + 1);
  sums_.resize(scan_blocks(m.count) + 1);
  gaussian_starts_.resize(s.tile_count + 1);
  numbers_.resize(2);
  const auto capacity = static_cast<uint32_t>(tiles_.size());
  uint32_t* starts = tile_starts_.data();
  const auto find = [&](auto kernel) {
    if (m.count > 0)
      launch(kernel, blocks_of(m.count, kWarps), kThreads, 0, stream, m, s, half_.data(), starts,
             numbers_.data(), tiles_.data(), owners_.data());
  };
  if (m.count > 0) launch(find_extents, blocks_of(m.count, kThreads), kThreads, 0, stream, m, half_.data());
  find(find_tiles<false>);
  exclusive_scan(starts, starts, m.count, sums_.data(), stream);
  launch(fit_lists, 1, 1, 0, stream, starts + m.count, capacity, numbers_.data());
  find(find_tiles<true>);
  sorter_.sort(tiles_.data(), owners_.data(), listed(), std::bit_width(s.tile_count), stream);
  launch(find_starts, blocks_of(capacity + 1, kThreads), kThreads, 0, stream, sorter_.keys(), listed(),
         s.tile_count, gaussian_starts_.data());
}

void DeviceReach::find_all(const ModelView& model, const DeviceSamples& samples, Stream& stream) {
  if (capacity() == 0) reserve(256);
  for (;;) {
    find(model, samples, stream);
    uint32_t pairs = 0;
    stream.download(&pairs, wanted(), sizeof pairs);
    if (pairs <= capacity()) return;
    reserve(pairs + pairs / 4);
  }
}

}  // namespace gaussitu::cuda
