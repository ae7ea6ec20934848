// Values and gradients of a list of Gaussians at points, compiled once per instruction set.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gaussitu {

/// What the evaluation of a point needs of one Gaussian, in one cache line.
struct alignas(16) PackedGaussian {
  float mu[3], a[6], v;
  float unused[2];
};

/// Points next to each other in space, [count] model units, and what is computed there. Room for whole
/// vectors of sixteen: what lies between `count` and the next multiple of 16 is read and written too.
struct PointBatch {
  static constexpr size_t kRoom = 256;
  alignas(64) float x[kRoom], y[kRoom], z[kRoom];
  alignas(64) float f[kRoom], cover[kRoom];
  alignas(64) float gradient[3][kRoom];  // of f, per model unit
  size_t count = 0;
};

}  // namespace gaussitu

#define GAUSSITU_DECLARE(isa)                                                                           \
  namespace isa {                                                                                       \
  /* f and cover of the Gaussians in `list` [n], in that order, from N = start, D = kBackground; and */ \
  /* the gradient. */                                                                                   \
  void query_points(const PackedGaussian* gaussians, const uint32_t* list, size_t n, float start,       \
                    bool gradient, PointBatch& batch);                                                  \
  }
namespace gaussitu {
GAUSSITU_DECLARE(scalar)
GAUSSITU_DECLARE(avx2)
GAUSSITU_DECLARE(avx512)
}  // namespace gaussitu
#undef GAUSSITU_DECLARE
