// The backward kernel. Everything that an optimiser needs of one Gaussian is a weighted sum of monomials of
// t = A (x - mu) over the samples it reaches (docs/model.md):
//
//   phi = w / D                    df/dv
//   psi = q^3 (v - f) / D          df/ds_i = psi t_i (shift along t),  df/dS_ij = -psi t_i t_j (A <- (I+S) A)
//
// On columns t0 is replaced by u0 = a00 dx, which is the same for all lanes: t0 = u0 + b1 t1 + b2 t2.
// normal_equations() undoes that once per Gaussian.
#pragma once
#include <cstddef>
#include <cstdint>

#include "model/kernel_views.hpp"

namespace gaussitu {

/// Index of t0^i t1^j t2^k among the monomials of degree at most `degree`; i varies fastest, then j.
constexpr int monomial(int i, int j, int k, int degree) {
  int n = 0;
  for (int c = 0; c < k; c++) n += (degree - c + 1) * (degree - c + 2) / 2;
  for (int b = 0; b < j; b++) n += degree - k - b + 1;
  return n + i;
}

struct Moments {
  float curvature[35];  // sum of psi^2 * monomials up to degree 4
  float cross[10];      // sum of phi psi * monomials up to degree 2 (degree 0 is not filled)
  float force[10];      // sum of e psi * monomials up to degree 2 (degree 0 is not filled)
  float phi2, e_phi;    // sums of phi^2 and e phi
};

/// What the forward pass leaves per sample, [padded samples]; all 0 where the sample's weight is 0.
struct ResidualView {
  const float* e;                // f - value
  const float* r;                // 1 / D
  const float* fr;               // -f / D
  const float* value = nullptr;  // of the samples, for tiles that are whole: they have no fr
  ResidualView from(int64_t k) const { return {e + k, r + k, fr + k, value + k}; }
};

}  // namespace gaussitu

#define GAUSSITU_DECLARE(isa)                                                                              \
  namespace isa {                                                                                          \
  /* Sums of a Gaussian over `tiles` [n] (indices into `views`), in that order. */                         \
  void moments(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,                  \
               const ResidualView& residual, Moments& out);                                                \
  /* The same without curvature and cross: for first-order optimisers. */                                  \
  void forces(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,                   \
              const ResidualView& residual, Moments& out);                                                 \
  /* out[0] = sum of w h, out[1] = sum of (w r)^2: the transpose of the forward pass in v, its diagonal */ \
  void project(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views, const float* h,  \
               const float* r, float out[2]);                                                              \
  }
namespace gaussitu {
GAUSSITU_DECLARE(scalar)
GAUSSITU_DECLARE(avx2)
GAUSSITU_DECLARE(avx512)
}  // namespace gaussitu
#undef GAUSSITU_DECLARE
