// The arithmetic of one row of targets, compiled per instruction set. Everything is elementwise, or added up
// in a fixed order, so every instruction set computes the same bits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/instruction_set.hpp"

namespace gaussitu {

/// A neighbour of a run of targets: target i reads row[clamp(first + i * step, least, last)], with one step
/// for all neighbours of a run.
template <class V>
struct RowTap {
  const V* row;
  int64_t first, least, last;
};

/// F = scale * sum of its taps - mean of the two nearest of array `minus`.
template <class T>
struct RowFeature {
  T weight, scale;
  uint32_t minus;
  uint32_t end;  // one beyond its last tap; its first is where the feature before ended
};

/// What a run of targets is predicted from. The first taps are the two nearest of each array.
template <class T>
struct RowStencil {
  int64_t step;
  const RowTap<T>* taps;
  size_t tap_count, array_count;
  const RowFeature<T>* features;
  size_t feature_count;
};

/// weight * sum of the taps up to `end`.
struct MagnitudeGroup {
  uint16_t weight;
  uint32_t end;
};

inline constexpr size_t kMaxArrays = 8;  // the block's own values and its references

/// How a value becomes a code: code = round((x - p) / bin), value = p + code * bin; on a lattice of spacing
/// `lattice` (fields of integers kept as floats) prediction and values are multiples of it and bin an odd
/// multiple.
struct Quantiser {
  double bin = 0;
  double bound = 0;    // |x - value| is never above
  double lattice = 0;  // 0: none
};

inline constexpr int32_t kNoCode = 0x7fffffff;

#define GAUSSITU_ROW_KERNELS(T)                                                                      \
  /* out[i] = near + sum of weight * F over the features, rounded after each step; near: the mean of \
     the two nearest of array 0 */                                                                   \
  void predict_row(T* out, const RowStencil<T>& stencil, size_t n);                                  \
  /* out[j * n + i] = F_j, then out[feature_count * n + i] = near */                                 \
  void feature_rows(T* out, const RowStencil<T>& stencil, size_t n);                                 \
  /* codes and decoded values; kNoCode, and the value itself, where the bound would be broken */     \
  void quantise_row(const T* x, const T* p, Quantiser quantiser, int32_t* code, T* value, size_t n); \
  /* decoded values of codes; where the code is kNoCode the value stays */                           \
  void reconstruct_row(const T* p, const int32_t* code, Quantiser quantiser, T* value, size_t n);

#define GAUSSITU_ROW_NAMESPACE(isa)                                                                 \
  namespace isa {                                                                                   \
  GAUSSITU_ROW_KERNELS(float)                                                                       \
  GAUSSITU_ROW_KERNELS(double)                                                                      \
  /* out[i] = sum of the groups */                                                                  \
  void sum_magnitudes(uint16_t* out, const RowTap<uint8_t>* taps, size_t tap_count,                 \
                      const MagnitudeGroup* groups, size_t group_count, int64_t step, size_t n);    \
  /* sums[a * m + b] += rows[i * m + a] * rows[i * m + b] for i in order, b >= a (and some before); \
     m: a multiple of 8 */                                                                          \
  void add_products(double* sums, const double* rows, size_t m, size_t n);                          \
  }
GAUSSITU_ROW_NAMESPACE(scalar)
GAUSSITU_ROW_NAMESPACE(avx2)
GAUSSITU_ROW_NAMESPACE(avx512)

}  // namespace gaussitu

// Calls a (here overloaded) kernel of the instruction set in use.
#if defined(__x86_64__)
#define GAUSSITU_ROW(kernel, ...)                                            \
  (instruction_set() == InstructionSet::avx512 ? avx512::kernel(__VA_ARGS__) \
   : instruction_set() == InstructionSet::avx2 ? avx2::kernel(__VA_ARGS__)   \
                                               : scalar::kernel(__VA_ARGS__))
#else
#define GAUSSITU_ROW(kernel, ...) scalar::kernel(__VA_ARGS__)
#endif
