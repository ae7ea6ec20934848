#include "pair.cuh"
#include "scan.cuh"
#include "step.hpp"
#include "train/normal_equations.hpp"

namespace gaussitu::cuda {
namespace {

// As in native/core/train/optimiser.cpp, where they are explained.
constexpr double kDamping = 0.1, kStep = 0.35;
constexpr double kShiftLimit = 0.5, kShapeLimit = 0.15, kValueLimit = 0.3;
constexpr double kTrust = 10, kFloor = 1e-5, kValueFloor = 1e-4;
constexpr double kBeta1 = 0.9, kBeta2 = 0.99, kAdamStep = 0.03, kAdamValueStep = 0.01;

constexpr int kN = kParameters, kColumns = kN + 1;  // the right-hand side is the last column

// Powers of t0, t1, t2 in the Jacobian of shift and shape parameter `a`, packed: bits 0, 2 and 4.
__device__ __forceinline__ unsigned powers(int a) {
  constexpr uint64_t kPowers = 0x01ull | 0x04ull << 6 | 0x10ull << 12 | 0x02ull << 18 | 0x05ull << 24 |
                               0x11ull << 30 | 0x08ull << 36 | 0x14ull << 42 | 0x20ull << 48;
  return static_cast<unsigned>(kPowers >> (6 * a)) & 63;
}

// monomial() of train/moments.hpp for the product of two of them.
__device__ __forceinline__ int monomial_of(unsigned p, unsigned r, int degree) {
  const int i = static_cast<int>((p & 3) + (r & 3)), j = static_cast<int>((p >> 2 & 3) + (r >> 2 & 3)),
            k = static_cast<int>((p >> 4 & 3) + (r >> 4 & 3));
  int n = i;
  for (int c = 0; c < k; c++) n += (degree - c + 1) * (degree - c + 2) / 2;
  for (int b = 0; b < j; b++) n += degree - k - b + 1;
  return n;
}

__device__ __forceinline__ double sign(int a) {
  return a < 3 || a == 9 ? 1 : -1;
}

// Entry of J^T J, or of J^T e in column kN.
__device__ __forceinline__ double entry(const float* row, int a, int b) {
  const float *curvature = row, *cross = row + 35, *force = row + 45;
  if (b == kN) return a < 9 ? sign(a) * force[monomial_of(powers(a), 0, 2)] : row[56];
  if (a == 9 && b == 9) return row[55];
  if (a == 9 || b == 9) {
    const int p = a == 9 ? b : a;
    return sign(p) * cross[monomial_of(powers(p), 0, 2)];
  }
  return sign(a) * sign(b) * curvature[monomial_of(powers(a), powers(b), 4)];
}

// The moments of columns are in (u0, t1, t2), t0 = u0 + b1 t1 + b2 t2: the Jacobian in t is a linear
// combination of the one in u. add(to, from, f): row or column `to` += f times `from`.
template <class Add>
__device__ __forceinline__ void unshear(double b1, double b2, const Add& add) {
  add(0, 1, b1);
  add(0, 2, b2);
  add(3, 4, 2.0 * b1);
  add(3, 5, 2.0 * b2);
  add(3, 6, b1 * b1);
  add(3, 7, 2.0 * b1 * b2);
  add(3, 8, b2 * b2);
  add(4, 6, b1);
  add(4, 7, b2);
  add(5, 7, b1);
  add(5, 8, b2);
}

// x of (H + damping diag H + floor) x = g, in lane k < kN the k-th; `h` [kN, kColumns], overwritten. 0 when
// the system is not positive definite. A warp works on one system: lane a has row a.
__device__ __forceinline__ double solve(double* h, double floor, double* x) {
  const int lane = static_cast<int>(threadIdx.x % kWarp), a = lane < kN ? lane : kN - 1;
  for (int b = 0; b < kN; b++) {
    double s = 0;
    if (lane < kN && a >= b) {
      s = h[a * kColumns + b];
      if (a == b) s += kDamping * fmax(s, 0.0) + floor;
      for (int k = 0; k < b; k++) s -= h[a * kColumns + k] * h[b * kColumns + k];
    }
    const double pivot = __shfl_sync(kFull, s, b);
    if (!(pivot > 0)) return 0;  // the whole warp
    const double root = sqrt(pivot);
    if (lane < kN && a >= b) h[a * kColumns + b] = a == b ? root : s / root;
    __syncwarp();
  }
  double s = h[a * kColumns + kN];
  for (int k = 0; k < kN; k++) {
    const double known = __shfl_sync(kFull, s, k) / h[k * kColumns + k];
    if (lane < kN && a > k) s -= h[a * kColumns + k] * known;
    if (a == k) s = known;
  }
  if (lane < kN) x[a] = s;
  __syncwarp();
  for (int b = kN - 1; b >= 0; b--) {
    if (lane == b) {
      for (int k = b + 1; k < kN; k++) s -= h[k * kColumns + b] * x[k];
      s /= h[b * kColumns + b];
      x[b] = s;
    }
    __syncwarp();
  }
  return lane < kN ? s : 0;
}

// apply_step() and Limits::apply() of native/core/train.
__device__ __forceinline__ void move(const ModelView& m, uint32_t i, const double* step,
                                     const StepSettings& t) {
  const Gaussian g = gaussian(m, i);
  const double a00 = g.a[0], a01 = g.a[1], a02 = g.a[2], a11 = g.a[3], a12 = g.a[4], a22 = g.a[5];
  const double dz = step[2] / a22, dy = (step[1] - a12 * dz) / a11,
               dx = (step[0] - a01 * dy - a02 * dz) / a00;
  const double s00 = fmax(1 + step[3], 0.1), s01 = step[4], s02 = step[5], s11 = fmax(1 + step[6], 0.1),
               s12 = step[7], s22 = fmax(1 + step[8], 0.1);
  const auto within = [](double x, float lo, float hi) {
    return fminf(fmaxf(static_cast<float>(x), lo), hi);
  };
  m.centre[i] = make_float4(within(g.mu[0] + dx, 0, t.hi[0]), within(g.mu[1] + dy, 0, t.hi[1]),
                            within(g.mu[2] + dz, 0, t.hi[2]), static_cast<float>(g.v + step[9]));
  m.shape[i] =
      make_float4(within(s00 * a00, t.a_min, t.a_max), static_cast<float>(s00 * a01 + s01 * a11),
                  static_cast<float>(s00 * a02 + s01 * a12 + s02 * a22), within(s11 * a11, t.a_min, t.a_max));
  m.rest[i] = make_float2(static_cast<float>(s11 * a12 + s12 * a22), within(s22 * a22, t.a_min, t.a_max));
}

// A warp per Gaussian: lane k has parameter k.
template <bool kAdam>
__global__ void __launch_bounds__(kThreads, 8)  // left alone, one compiler spills for more warps than that
    step_gaussians(ModelView m, const float* moments, float* first, float* second, StepSettings t,
                   const TrainState* state) {
  GAUSSITU_SHARED(double, systems, kWarps* kN* kColumns);
  GAUSSITU_SHARED(double, steps, kWarps* kN);
  const uint32_t warp = threadIdx.x / kWarp, i = blockIdx.x * kWarps + warp;
  if (i >= m.count || state->halted != running) return;
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  double *h = systems + warp * kN * kColumns, *step = steps + warp * kN;
  const float* row = moments + size_t{i} * kMomentStride;
  for (int k = lane; k < kN * kColumns; k += static_cast<int>(kWarp))
    h[k] = entry(row, k / kColumns, k % kColumns);
  __syncwarp();
  if (t.sheared) {
    const Gaussian g = gaussian(m, i);
    const double b1 = double{g.a[1]} / g.a[3], b2 = (g.a[2] - b1 * g.a[4]) / g.a[5];
    if (lane < kColumns)
      unshear(b1, b2,
              [&](int to, int from, double f) { h[to * kColumns + lane] += f * h[from * kColumns + lane]; });
    __syncwarp();
    if (lane < kN)
      unshear(b1, b2,
              [&](int to, int from, double f) { h[lane * kColumns + to] += f * h[lane * kColumns + from]; });
    __syncwarp();
  }
  const size_t own = size_t{i} * kN + (lane < kN ? lane : 0);
  if constexpr (kAdam) {
    if (lane < kN) {
      const double g = h[lane * kColumns + kN];
      const float m1 = static_cast<float>(kBeta1 * first[own] + (1 - kBeta1) * g),
                  m2 = static_cast<float>(kBeta2 * second[own] + (1 - kBeta2) * g * g);
      first[own] = m1;
      second[own] = m2;
      const double unit = (m1 / (1 - t.bias1)) / (sqrt(m2 / (1 - t.bias2)) + 1e-12);
      step[lane] = -t.rate * (lane < 9 ? kAdamStep : kAdamValueStep) * unit;
    }
  } else {
    const double trust = kTrust * state->squared / t.measured;
    const double x = solve(
        h, lane < 9 ? trust * row[55] + kFloor * state->phi2 + 1e-30 : kValueFloor * state->phi2 + 1e-30,
        step);
    const double limit = lane < 3 ? kShiftLimit : lane < 9 ? kShapeLimit : kValueLimit;
    double scale = fabs(x) > limit ? limit / fabs(x) : 1;
    for (unsigned bit = kWarp / 2; bit > 0; bit /= 2) scale = fmin(scale, __shfl_xor_sync(kFull, scale, bit));
    if (lane < kN) {
      const float velocity = static_cast<float>(t.momentum * first[own] - kStep * t.rate * scale * x);
      first[own] = velocity;
      step[lane] = velocity;
    }
  }
  __syncwarp();
  if (lane == 0) move(m, i, step, t);
}

// The mean of phi^2, for the floors of the next step. One block.
__global__ void __launch_bounds__(256) mean_phi2(const float* moments, uint32_t count, TrainState* state) {
  GAUSSITU_SHARED(double, warps, 256 / kWarp);
  if (state->halted != running) return;
  double sum = 0;
  for (uint32_t i = threadIdx.x; i < count; i += 256) sum += moments[size_t{i} * kMomentStride + 55];
  const double total = block_sum<256>(sum, warps);
  if (threadIdx.x == 0) state->phi2 = total / count;
}

}  // namespace

void step(Optimiser kind, const ModelView& m, const float* moments, float* first, float* second,
          const StepSettings& settings, TrainState* state, Stream& stream) {
  if (m.count == 0) return;
  const unsigned blocks = (m.count + kWarps - 1) / kWarps;
  if (kind == Optimiser::adam) {
    launch(step_gaussians<true>, blocks, kThreads, 0, stream, m, moments, first, second, settings, state);
  } else {
    launch(step_gaussians<false>, blocks, kThreads, 0, stream, m, moments, first, second, settings, state);
    launch(mean_phi2, 1, 256, 0, stream, moments, m.count, state);
  }
}

}  // namespace gaussitu::cuda
