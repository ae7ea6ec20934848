// The arithmetic of one row of targets, compiled per instruction set. Everything is elementwise, so every
// instruction set computes the same bits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/instruction_set.hpp"

namespace gaussitu {

/// Values row[clamp(first + i * step, 0, last)] for i in [0, n): a row of a block seen from the targets.
struct RowView {
  int64_t first, step, last;
};

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
  /* out[i] += row value */                                                                          \
  void add_row(T* out, const T* row, RowView view, size_t n);                                        \
  /* out[i] = out[i] * scale - minus[i]; minus may be null */                                        \
  void finish_feature(T* out, T scale, const T* minus, size_t n);                                    \
  /* out[i] = fma(weight, feature[i], out[i]) */                                                     \
  void add_weighted(T* out, T weight, const T* feature, size_t n);                                   \
  /* codes and decoded values; kNoCode, and the value itself, where the bound would be broken */     \
  void quantise_row(const T* x, const T* p, Quantiser quantiser, int32_t* code, T* value, size_t n); \
  /* decoded values of codes; where the code is kNoCode the value stays */                           \
  void reconstruct_row(const T* p, const int32_t* code, Quantiser quantiser, T* value, size_t n);

#define GAUSSITU_ROW_NAMESPACE(isa)                                                                \
  namespace isa {                                                                                  \
  GAUSSITU_ROW_KERNELS(float)                                                                      \
  GAUSSITU_ROW_KERNELS(double)                                                                     \
  /* out[i] += weight * row value */                                                               \
  void add_magnitudes(uint16_t* out, const uint8_t* row, RowView view, uint16_t weight, size_t n); \
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
