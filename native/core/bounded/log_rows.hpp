// The arithmetic of the logarithmic domain (log_domain.hpp), compiled per instruction set. Elementwise, with
// own polynomials and explicit fused multiply-adds, so every instruction set computes the same bits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/instruction_set.hpp"

namespace gaussitu {

#define GAUSSITU_LOG_ROWS(T, C)                                                                         \
  /* y[i] = C(log2|x[i]| - shift); what is below the smallest normal number (and NaN) counts as that */ \
  void log_row(const T* x, double shift, C* y, size_t n);                                               \
  /* x[i] = T(2^(y[i] + shift)), within the normal numbers; negative where `negative[i]` is not 0 */    \
  void exp_row(const C* y, const uint8_t* negative, double shift, T* x, size_t n);

#define GAUSSITU_LOG_NAMESPACE(isa) \
  namespace isa {                   \
  GAUSSITU_LOG_ROWS(float, float)   \
  GAUSSITU_LOG_ROWS(float, double)  \
  GAUSSITU_LOG_ROWS(double, double) \
  }
GAUSSITU_LOG_NAMESPACE(scalar)
GAUSSITU_LOG_NAMESPACE(avx2)
GAUSSITU_LOG_NAMESPACE(avx512)

}  // namespace gaussitu
