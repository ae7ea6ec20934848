// The forward kernel, compiled once per instruction set.
#pragma once
#include <cstddef>

#include "model/kernel_views.hpp"

#define GAUSSITU_DECLARE(isa)                                                                             \
  namespace isa {                                                                                         \
  /* f [count] = N / D of the Gaussians in `list` [n], in that order, from N = start, D = kBackground. */ \
  /* `density` [count] receives D, `cover` [count] the sum of weights alone; either may be null. */       \
  /* Returns the Gaussian-sample pairs computed: those of groups of 16 samples that are not skipped. */   \
  uint64_t evaluate_tile(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile, \
                         float start, float* f, float* density, float* cover);                            \
  }
namespace gaussitu {
GAUSSITU_DECLARE(scalar)
GAUSSITU_DECLARE(avx2)
GAUSSITU_DECLARE(avx512)
}  // namespace gaussitu
#undef GAUSSITU_DECLARE
