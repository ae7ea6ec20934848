// The forward kernels, compiled once per instruction set.
#pragma once
#include <cstddef>

#include "model/kernel_views.hpp"

namespace gaussitu {

/// What training needs of a tile, [count] each: all 0 where the weight is 0.
struct ResidualTile {
  const float *value, *weight;
  float *e, *r;   // f - value, 1 / D; outside the domain -weight C, 0
  float* fr;      // -f / D; outside the domain -weight; whole tiles have it in e and their values
  float squares;  // sum of e^2 where the weight is 1
};

}  // namespace gaussitu

#define GAUSSITU_DECLARE(isa)                                                                                \
  namespace isa {                                                                                            \
  /* f [count] = N / D of the Gaussians in `list` [n], in that order, from N = start, D = kBackground. */    \
  /* `cover` [count] receives the sum of weights alone; it may be null. */                                   \
  void evaluate_tile(const Gaussian* gaussians, const uint32_t* list, size_t n, const TileView& tile,        \
                     float start, float* f, float* cover);                                                   \
  /* The same, compared with the samples' values. Returns the Gaussian-sample pairs computed: sixteen for */ \
  /* each vector of samples that is not skipped. */                                                          \
  uint64_t compare_tile(const Gaussian* gaussians, const uint32_t* list, size_t n, const TileView& tile,     \
                        float start, ResidualTile& out);                                                     \
  }
namespace gaussitu {
GAUSSITU_DECLARE(scalar)
GAUSSITU_DECLARE(avx2)
GAUSSITU_DECLARE(avx512)
}  // namespace gaussitu
#undef GAUSSITU_DECLARE
