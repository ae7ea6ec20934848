// The arithmetic of native/core/residual/row_kernels.isa.cpp, operation for operation, a thread per target.
#pragma once
#include "launch.hpp"
#include "residual/row_kernels.hpp"

namespace gaussitu::cuda {

inline constexpr unsigned kGridThreads = 128;
inline constexpr unsigned kChunk = 32,
                          kPitch = kChunk + 1;  // samples in shared memory, padded against bank conflicts

/// A neighbour: array[clamp(x + offset)], each coordinate clamped to [0, last].
template <class T>
struct GridTap {
  const T* array;
  int offset[3], last[3];
};

/// In device memory; the first taps are the two nearest of each array.
template <class T>
struct GridStencilView {
  const GridTap<T>* taps;
  const RowFeature<T>* features;
  unsigned tap_count, feature_count, array_count;
};

struct GridView {
  int start[3], step[3], count[3];
  int stride[3];  // of the block, in points
  int border[3];  // targets with this place on an axis have a neighbour on one side only; -1: none
};

/// Room in shared memory for what a block's threads need of a stencil.
template <class T>
size_t shared_bytes(unsigned taps, unsigned features) {
  return taps * sizeof(GridTap<T>) + features * sizeof(RowFeature<T>) + kMaxArrays * kGridThreads * sizeof(T);
}

/// A stencil in shared memory; the same for all threads of a block.
template <class T>
struct StagedStencil {
  GridTap<T>* taps;
  RowFeature<T>* features;
  T* near;  // [arrays, threads] means of the two nearest
  unsigned feature_count, array_count;

  /// Copies; a barrier must follow. Moves `at` behind what it uses.
  __device__ StagedStencil(const GridStencilView<T>& from, unsigned char*& at, T* means)
      : taps(reinterpret_cast<GridTap<T>*>(at)),
        near(means),
        feature_count(from.feature_count),
        array_count(from.array_count) {
    at += from.tap_count * sizeof(GridTap<T>);
    features = reinterpret_cast<RowFeature<T>*>(at);
    at += from.feature_count * sizeof(RowFeature<T>);
    for (unsigned t = threadIdx.x; t < from.tap_count; t += blockDim.x) taps[t] = from.taps[t];
    for (unsigned f = threadIdx.x; f < from.feature_count; f += blockDim.x) features[f] = from.features[f];
  }

  __device__ static T read(const GridTap<T>& tap, const int (&point)[3], const GridView& g) {
    int index = 0;
    for (int k = 0; k < 3; k++) {
      const int at = point[k] + tap.offset[k];
      index += (at < 0 ? 0 : at > tap.last[k] ? tap.last[k] : at) * g.stride[k];
    }
    return tap.array[index];
  }

  /// sink(0, mean of the two nearest of array 0), then sink(j + 1, feature j).
  template <class Sink>
  __device__ void evaluate(const int (&point)[3], const GridView& g, const Sink& sink) const {
    const GridTap<T>* tap = taps;
    for (unsigned a = 0; a < array_count; a++, tap += 2) {
      const T mean = (read(tap[0], point, g) + read(tap[1], point, g)) * T(0.5);
      near[a * kGridThreads + threadIdx.x] = mean;
      if (a == 0) sink(0u, mean);
    }
    for (unsigned j = 0; j < feature_count; j++) {
      const RowFeature<T> f = features[j];
      T sum = read(*tap++, point, g);
      for (const GridTap<T>* end = taps + f.end; tap < end;) sum = sum + read(*tap++, point, g);
      sink(j + 1, sum * f.scale - near[f.minus * kGridThreads + threadIdx.x]);
    }
  }
};

/// rows [features + 1, samples]: features of points, then what they have to explain.
template <class T>
__global__ void __launch_bounds__(kGridThreads)
    sample_features(GridView g, GridStencilView<T> stencil, const T* source, const uint32_t* points,
                    unsigned samples, double* rows) {
  GAUSSITU_DYNAMIC_SHARED(unsigned char, room);
  unsigned char* at = room;
  T* near = reinterpret_cast<T*>(at);
  at += kMaxArrays * kGridThreads * sizeof(T);
  const StagedStencil<T> staged(stencil, at, near);
  __syncthreads();
  const unsigned s = blockIdx.x * kGridThreads + threadIdx.x;
  if (s >= samples) return;
  const int p = static_cast<int>(points[s]);
  const int point[3] = {p % g.stride[1], p / g.stride[1] % (g.stride[2] / g.stride[1]), p / g.stride[2]};
  staged.evaluate(point, g, [&](unsigned j, T f) {
    if (j == 0)
      rows[size_t{stencil.feature_count} * samples + s] = static_cast<double>(source[p] - f);
    else
      rows[size_t{j - 1} * samples + s] = static_cast<double>(f);
  });
}

/// sums [lists, m, m], b >= a, of rows [m, samples]; a thread adds up one product of one list, in the order
/// of its samples. List l is samples starts[l] to starts[l + 1].
static __global__ void __launch_bounds__(kGridThreads)
    add_products(const double* rows, unsigned m, unsigned samples, const uint32_t* starts, double* sums) {
  GAUSSITU_DYNAMIC_SHARED(double, staged);  // [m, kPitch]
  const unsigned pair = blockIdx.x * kGridThreads + threadIdx.x, a = pair / m, b = pair % m;
  const bool mine = a < m && b >= a;
  const unsigned end = starts[blockIdx.y + 1];
  double sum = 0;
  for (unsigned begin = starts[blockIdx.y]; begin < end; begin += kChunk) {
    const unsigned n = end - begin < kChunk ? end - begin : kChunk;
    __syncthreads();
    for (unsigned i = threadIdx.x; i < m * kChunk; i += kGridThreads)
      if (i % kChunk < n)
        staged[i / kChunk * kPitch + i % kChunk] = rows[size_t{i / kChunk} * samples + begin + i % kChunk];
    __syncthreads();
    if (mine)
      for (unsigned i = 0; i < n; i++) sum = sum + staged[b * kPitch + i] * staged[a * kPitch + i];
  }
  if (mine) sums[(size_t{blockIdx.y} * m + a) * m + b] = sum;
}

/// The decoded value of a code, as row_kernels.isa.cpp defines it.
template <class T>
__device__ T value_of(T prediction, double code, const Quantiser& z) {
  const double p = prediction;
  const double v = z.lattice > 0 ? rint(p / z.lattice) * z.lattice + code * z.bin : fma(code, z.bin, p);
  return static_cast<T>(v);
}

/// Predicts, quantises and decodes every target of a pass: codes [targets], and its place in `values`.
template <class T>
__global__ void __launch_bounds__(kGridThreads)
    quantise_pass(GridView g, GridStencilView<T> inner, GridStencilView<T> border, const T* source,
                  const uint8_t* skip, Quantiser z, double inverse, T* values, int32_t* codes) {
  GAUSSITU_DYNAMIC_SHARED(unsigned char, room);
  unsigned char* at = room;
  T* near = reinterpret_cast<T*>(at);
  at += kMaxArrays * kGridThreads * sizeof(T);
  const StagedStencil<T> inside(inner, at, near), outside(border, at, near);
  __syncthreads();
  const unsigned t = blockIdx.x * kGridThreads + threadIdx.x;
  const unsigned row = t / static_cast<unsigned>(g.count[0]);
  const int target[3] = {static_cast<int>(t % static_cast<unsigned>(g.count[0])),
                         static_cast<int>(row % static_cast<unsigned>(g.count[1])),
                         static_cast<int>(row / static_cast<unsigned>(g.count[1]))};
  if (target[2] >= g.count[2]) return;
  int point[3], p = 0;
  for (int k = 0; k < 3; k++) {
    point[k] = g.start[k] + target[k] * g.step[k];
    p += point[k] * g.stride[k];
  }
  const bool edge = target[0] == g.border[0] || target[1] == g.border[1] || target[2] == g.border[2];
  const StagedStencil<T> s = edge ? outside : inside;
  T prediction = 0;
  s.evaluate(point, g,
             [&](unsigned j, T f) { prediction = j == 0 ? f : prediction + f * s.features[j - 1].weight; });

  int32_t code = 0;
  T value;
  if (skip != nullptr && skip[p] != 0) {
    value = value_of(prediction, 0.0, z);
  } else {
    const T x = source[p];
    double base = prediction;
    if (z.lattice > 0) base = rint(base / z.lattice) * z.lattice;
    double q = rint((static_cast<double>(x) - base) * inverse);
    q = q > -1e9 && q < 1e9 ? q : 1e9;  // also NaN
    value = value_of(prediction, q, z);
    const bool good = q < 1e9 && fabs(static_cast<double>(x) - static_cast<double>(value)) <= z.bound;
    code = good ? static_cast<int32_t>(q) : kNoCode;
    value = good ? value_of(prediction, static_cast<double>(code), z) : x;  // q may be -0
  }
  values[p] = value - value == T(0) ? value : T(0);  // finite
  codes[t] = code;
}

template <class T>
__global__ void __launch_bounds__(kGridThreads)
    place_values(const uint32_t* points, const T* from, unsigned n, T* values) {
  const unsigned i = blockIdx.x * kGridThreads + threadIdx.x;
  if (i < n) values[points[i]] = from[i];
}

}  // namespace gaussitu::cuda
