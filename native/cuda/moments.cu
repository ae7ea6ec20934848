#include <cstddef>

#include "moments.hpp"
#include "scan.cuh"
#include "units.cuh"

namespace gaussitu::cuda {
namespace {

static_assert(sizeof(Moments) == 57 * sizeof(float) && offsetof(Moments, cross) == 35 * sizeof(float) &&
              offsetof(Moments, force) == 45 * sizeof(float) &&
              offsetof(Moments, e_phi) == 56 * sizeof(float));

// One lane's partial sums. `force` and what follows come first, so that without curvature they are all there
// is.
template <bool kCurvature>
struct Sums {
  static constexpr int kCount = kCurvature ? 64 : 32;
  float v[kCount];  // force [10], e_phi, phi2, cross [10], curvature [35], padding
  __device__ Sums() {
#pragma unroll
    for (int k = 0; k < kCount; k++) v[k] = 0;
  }
  // Where the number at v[k] belongs in Moments; kMomentStride for padding.
  static __device__ __forceinline__ uint32_t place(int k) {
    if (k < 10) return 45 + k;
    if (k == 10) return 56;
    if (!kCurvature) return kMomentStride;
    return k == 11 ? 55 : k < 22 ? 35 + k - 12 : k < 57 ? k - 22 : kMomentStride;
  }
};

// Adds what has been summed over t0 (or u0) alone: h[i], c[i], f[i] are the sums of psi^2, phi psi and e psi
// times its i-th power, at one t1 and t2.
template <bool kCurvature>
__device__ __forceinline__ void fold(Sums<kCurvature>& sums, const float (&h)[5], const float (&c)[3],
                                     const float (&f)[3], float t1, float t2) {
  const float s1 = t1 * t1, s2 = t2 * t2;
  const float p1[5] = {1, t1, s1, s1 * t1, s1 * s1}, p2[5] = {1, t2, s2, s2 * t2, s2 * s2};
  int second = 0, fourth = 0;  // index of the monomial: i varies fastest, then j
#pragma unroll
  for (int k = 0; k <= 4; k++)
#pragma unroll
    for (int j = 0; j + k <= 4; j++) {
      const float p = p1[j] * p2[k];
#pragma unroll
      for (int i = 0; i + j + k <= 4; i++) {
        if (kCurvature) sums.v[22 + fourth] = fmaf(h[i], p, sums.v[22 + fourth]);
        fourth++;
        if (i + j + k > 2) continue;
        sums.v[second] = fmaf(f[i], p, sums.v[second]);
        if (kCurvature) sums.v[12 + second] = fmaf(c[i], p, sums.v[12 + second]);
        second++;
      }
    }
}

// What the forward pass left at a sample.
struct Left {
  float e, r, fr;
  __device__ __forceinline__ Left() {}
  __device__ __forceinline__ Left(const ResidualView& residual, uint32_t at)
      : e(residual.e[at]), r(residual.r[at]), fr(residual.fr[at]) {}
};

struct Factors {
  float phi, psi, e;
  __device__ __forceinline__ Factors(float q, float v, const Left& left)
      : phi(q * q * (q * q) * left.r), psi(q * q * q * fmaf(v, left.r, left.fr)), e(left.e) {}
};

// Sums of a column: psi^2, phi psi and e psi times powers of u0.
struct ColumnSums {
  float h[5] = {}, c[3] = {}, f[3] = {};
};

// Adds `steps` samples from (x, at) on, of the part of a column; kWhole: all of a part, which most have.
template <bool kCurvature, bool kWhole>
__device__ __forceinline__ void add_part(Sums<kCurvature>& sums, ColumnSums& to, const Gaussian& g,
                                         const Column& col, const ResidualView& residual, float x,
                                         uint32_t at, uint32_t steps) {
  constexpr uint32_t kSteps = Lane<true>::kPerPart, kStride = Lane<true>::kStride;
  // Few warps fit: what is read is asked for at once, so that arithmetic hides the wait. No branch may part
  // it.
  Left left[kSteps];
  const ResidualView here{residual.e + at, residual.r + at, residual.fr + at};
#pragma unroll
  for (uint32_t j = 0; j < kSteps; j++) left[j] = Left(here, (kWhole || j < steps ? j : 0) * kStride);
#pragma unroll
  for (uint32_t j = 0; j < kSteps; j++) {
    const float dx = x + static_cast<float>(j) - g.mu[0], u = g.a[0] * dx, t0 = fmaf(g.a[0], dx, col.c0);
    const float q = falloff(fmaf(t0, t0, col.base));
    const Factors w(kWhole || j < steps ? q : 0, g.v, left[j]);
    const float e_psi = w.e * w.psi, u2 = u * u;
    to.f[0] += e_psi;
    to.f[1] = fmaf(e_psi, u, to.f[1]);
    to.f[2] = fmaf(e_psi, u2, to.f[2]);
    sums.v[10] = fmaf(w.e, w.phi, sums.v[10]);
    if (kCurvature) {
      const float hh = w.psi * w.psi, hh2 = hh * u2, cc = w.phi * w.psi;
      to.h[0] += hh;
      to.h[1] = fmaf(hh, u, to.h[1]);
      to.h[2] += hh2;
      to.h[3] = fmaf(hh2, u, to.h[3]);
      to.h[4] = fmaf(hh2, u2, to.h[4]);
      to.c[0] += cc;
      to.c[1] = fmaf(cc, u, to.c[1]);
      to.c[2] = fmaf(cc, u2, to.c[2]);
      sums.v[11] = fmaf(w.phi, w.phi, sums.v[11]);
    }
  }
}

// A unit of columns: powers of u0 = a00 dx are summed along x, where t1 and t2 are constant.
template <bool kCurvature>
__device__ __forceinline__ void add_columns(Sums<kCurvature>& sums, const Gaussian& g, const SamplesView& s,
                                            const ResidualView& residual, const Unit& unit, uint32_t parts) {
  using Place = Lane<true>;
  constexpr uint32_t kSteps = Place::kPerPart;
  const Place place(unit, threadIdx.x % kWarp);
  const Column col = column(g, s.y[place.first], s.z[place.first]);
  if (place.count == 0 || col.base >= kSupport2) return;  // q = 0 along the whole column
  const float x = s.x[place.first];
  ColumnSums to;
#pragma unroll 1
  for (uint32_t p = 0; p < kParts; p++) {
    if (!(parts >> p & 1)) continue;
    const uint32_t begin = p * kSteps, at = place.first + begin * Place::kStride;
    const float x0 = x + static_cast<float>(begin);  // exact: columns have whole coordinates
    if (place.count >= begin + kSteps)
      add_part<kCurvature, true>(sums, to, g, col, residual, x0, at, kSteps);
    else
      add_part<kCurvature, false>(sums, to, g, col, residual, x0, at, place.count - begin);
  }
  fold(sums, to.h, to.c, to.f, col.t1, col.t2);
}

template <bool kCurvature>
__device__ __forceinline__ void add_scattered(Sums<kCurvature>& sums, const Gaussian& g, const SamplesView& s,
                                              const ResidualView& residual, const Unit& unit,
                                              uint32_t parts) {
  using Place = Lane<false>;
  const Place place(unit, threadIdx.x % kWarp);
  for (uint32_t p = 0; p < kParts; p++) {
    if (!(parts >> p & 1) || p >= place.count) continue;
    const uint32_t at = place.first + p * Place::kStride;
    const Column col = column(g, s.y[at], s.z[at]);
    const float t0 = fmaf(g.a[0], s.x[at] - g.mu[0], col.c0), q = falloff(fmaf(t0, t0, col.base));
    if (q == 0) continue;
    const Factors w(q, g.v, Left(residual, at));
    const float hh = w.psi * w.psi, cc = w.phi * w.psi, e_psi = w.e * w.psi, s0 = t0 * t0;
    sums.v[10] = fmaf(w.e, w.phi, sums.v[10]);
    if (kCurvature) sums.v[11] = fmaf(w.phi, w.phi, sums.v[11]);
    const float h[5] = {hh, hh * t0, hh * s0, hh * s0 * t0, hh * s0 * s0}, c[3] = {cc, cc * t0, cc * s0},
                f[3] = {e_psi, e_psi * t0, e_psi * s0};
    fold(sums, h, c, f, col.t1, col.t2);
  }
}

constexpr int kAtOnce = 16, kRow = kAtOnce + 1;  // sums in shared memory; padded against bank conflicts

// Sums over the lanes of a warp, sixteen at a time: each lane stores its own, then adds up half a column.
// With shuffles instead, compilers keep so much in flight that a kernel of 57 sums has room for fewer warps.
template <int kCount>
__device__ __forceinline__ void warp_sums(const float (&v)[kCount], float* room, float* out) {
  const int lane = static_cast<int>(threadIdx.x % kWarp), half = lane / kAtOnce, column = lane % kAtOnce;
#pragma unroll
  for (int begin = 0; begin < kCount; begin += kAtOnce) {
#pragma unroll
    for (int j = 0; j < kAtOnce; j++) room[lane * kRow + j] = v[begin + j];
    __syncwarp();
    float sum = 0;
#pragma unroll
    for (int j = 0; j < kAtOnce; j++) sum += room[(half * kAtOnce + j) * kRow + column];
    sum += __shfl_xor_sync(kFull, sum, kAtOnce);
    if (half == 0) out[begin + column] = sum;
    __syncwarp();
  }
}

// A block per Gaussian. Its units are shared out over four warps, and their sums added in the order of the
// warps.
template <bool kColumns, bool kCurvature>
__global__ void __launch_bounds__(kThreads, kCurvature ? 4 : 8)
    sum_moments(ModelView m, SamplesView s, ListsView tiles, ResidualView residual, uint32_t first,
                uint32_t stride, float* out, const uint32_t* halted) {
  if (halted && *halted != 0) return;
  constexpr int kCount = Sums<kCurvature>::kCount;
  GAUSSITU_SHARED(float, of_warps, kWarps* kCount);
  GAUSSITU_SHARED(float, of_lanes, kThreads* kRow);
  const uint32_t i = first + blockIdx.x * stride;
  const Gaussian g = gaussian(m, i);
  Sums<kCurvature> sums;
  for_units<kColumns>(g, i, s, tiles, [&](const Unit& unit, uint32_t parts) {
    if constexpr (kColumns)
      add_columns(sums, g, s, residual, unit, parts);
    else
      add_scattered(sums, g, s, residual, unit, parts);
  });
  const unsigned warp = threadIdx.x / kWarp;
  warp_sums(sums.v, of_lanes + warp * kWarp * kRow, of_warps + warp * kCount);
  float* row = out + size_t{blockIdx.x} * kMomentStride;
  __syncthreads();
  if (threadIdx.x >= kCount) return;
  float total = 0;
  for (unsigned w = 0; w < kWarps; w++) total += of_warps[w * kCount + threadIdx.x];
  const uint32_t place = Sums<kCurvature>::place(static_cast<int>(threadIdx.x));
  if (place < kMomentStride) row[place] = total;
}

template <bool kColumns>
__global__ void __launch_bounds__(kThreads) sum_projections(ModelView m, SamplesView s, ListsView tiles,
                                                            const float* h, const float* r, float2* out) {
  GAUSSITU_SHARED(float2, of_warps, kWarps);
  const uint32_t i = blockIdx.x;
  const Gaussian g = gaussian(m, i);
  float wh = 0, wr2 = 0;
  for_units<kColumns>(g, i, s, tiles, [&](const Unit& unit, uint32_t parts) {
    using Place = Lane<kColumns>;
    const Place place(unit, threadIdx.x % kWarp);
    if (place.count == 0) return;
    const float x = s.x[place.first];
    const Column first = column(g, s.y[place.first], s.z[place.first]);
    for (uint32_t p = 0; p < kParts; p++) {
      if (!(parts >> p & 1)) continue;
#pragma unroll
      for (uint32_t j = 0; j < Place::kPerPart; j++) {
        const uint32_t k = p * Place::kPerPart + j, at = place.first + k * Place::kStride;
        if (k >= place.count) break;
        const Column col = kColumns ? first : column(g, s.y[at], s.z[at]);
        const float dx = (kColumns ? x + static_cast<float>(k) : s.x[at]) - g.mu[0];
        const float t0 = fmaf(g.a[0], dx, col.c0), q = falloff(fmaf(t0, t0, col.base));
        if (q == 0) continue;
        const float q2 = q * q, w = q2 * q2, phi = w * r[at];
        wh = fmaf(w, h[at], wh);
        wr2 = fmaf(phi, phi, wr2);
      }
    }
  });
  wh = warp_sum(wh);
  wr2 = warp_sum(wr2);
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = make_float2(wh, wr2);
  __syncthreads();
  if (threadIdx.x != 0) return;
  float2 total = make_float2(0, 0);
  for (unsigned w = 0; w < kWarps; w++) total = make_float2(total.x + of_warps[w].x, total.y + of_warps[w].y);
  out[i] = total;
}

}  // namespace

void moments(const ModelView& m, const DeviceSamples& samples, const ListsView& tiles,
             const ResidualView& residual, bool curvature, uint32_t first, uint32_t stride, uint32_t count,
             float* out, Stream& stream, const uint32_t* halted) {
  if (count == 0) return;
  const auto kernel = samples.columns() ? (curvature ? sum_moments<true, true> : sum_moments<true, false>)
                                        : (curvature ? sum_moments<false, true> : sum_moments<false, false>);
  launch(kernel, count, kThreads, 0, stream, m, samples.view(), tiles, residual, first, stride, out, halted);
}

void project(const ModelView& m, const DeviceSamples& samples, const ListsView& tiles, const float* h,
             const float* r, float2* out, Stream& stream) {
  if (m.count == 0) return;
  launch(samples.columns() ? sum_projections<true> : sum_projections<false>, m.count, kThreads, 0, stream, m,
         samples.view(), tiles, h, r, out);
}

}  // namespace gaussitu::cuda
