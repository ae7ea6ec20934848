// The canonical operations of model/pair.hpp and docs/format.md, sixteen points at a time.
#include "base/simd.hpp"
#include "model/model.hpp"
#include "query/query_kernel.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

struct Pair {
  f32x16 t0, t1, t2, q;
};

GAUSSITU_INLINE Pair pair(const PackedGaussian& g, f32x16 x, f32x16 y, f32x16 z) {
  const f32x16 dx = x - splat(g.mu[0]), dy = y - splat(g.mu[1]), dz = z - splat(g.mu[2]);
  Pair p;
  p.t2 = splat(g.a[5]) * dz;
  p.t1 = fma(splat(g.a[3]), dy, splat(g.a[4]) * dz);
  p.t0 = fma(splat(g.a[0]), dx, fma(splat(g.a[1]), dy, splat(g.a[2]) * dz));
  const f32x16 d2 = fma(p.t0, p.t0, fma(p.t1, p.t1, p.t2 * p.t2));
  p.q = max(fma(d2, splat(-0.125f), splat(1.0f)), splat(0.0f));
  return p;
}

// kGroups vectors at once: a Gaussian is read once for all of them, and their chains of sums overlap.
template <int kGroups>
GAUSSITU_INLINE void values(const PackedGaussian* gaussians, const uint32_t* list, size_t n, float start,
                            PointBatch& b, size_t at) {
  f32x16 num[kGroups], den[kGroups], cover[kGroups], x[kGroups], y[kGroups], z[kGroups];
  for (int k = 0; k < kGroups; k++) {
    num[k] = splat(start);
    den[k] = splat(kBackground);
    cover[k] = splat(0.0f);
    x[k] = load(b.x + at + 16 * k);
    y[k] = load(b.y + at + 16 * k);
    z[k] = load(b.z + at + 16 * k);
  }
  for (size_t i = 0; i < n; i++) {
    const PackedGaussian& g = gaussians[list[i]];
    for (int k = 0; k < kGroups; k++) {
      const f32x16 q = pair(g, x[k], y[k], z[k]).q, q2 = q * q, w = q2 * q2;
      num[k] = fma(w, splat(g.v), num[k]);
      den[k] = den[k] + w;
      cover[k] = cover[k] + w;
    }
  }
  for (int k = 0; k < kGroups; k++) {
    store(b.f + at + 16 * k, num[k] / den[k]);
    store(b.cover + at + 16 * k, cover[k]);
    store(b.gradient[0] + at + 16 * k, den[k]);  // for gradients()
  }
}

// df/dx = sum_i q_i^3 (f - v_i) A_i^T t_i / D, D in b.gradient[0]. A second pass, when f is known: sums of v
// and of 1 apart would cancel.
GAUSSITU_INLINE void gradients(const PackedGaussian* gaussians, const uint32_t* list, size_t n, PointBatch& b,
                               size_t at) {
  const f32x16 x = load(b.x + at), y = load(b.y + at), z = load(b.z + at), f = load(b.f + at),
               den = load(b.gradient[0] + at), zero = splat(0.0f);
  f32x16 s0 = zero, s1 = zero, s2 = zero;
  for (size_t i = 0; i < n; i++) {
    const PackedGaussian& g = gaussians[list[i]];
    const Pair p = pair(g, x, y, z);
    const f32x16 h = ((p.q * p.q) * p.q) * (f - splat(g.v));
    const f32x16 g0 = splat(g.a[0]) * p.t0, g1 = fma(splat(g.a[1]), p.t0, splat(g.a[3]) * p.t1),
                 g2 = fma(splat(g.a[2]), p.t0, fma(splat(g.a[4]), p.t1, splat(g.a[5]) * p.t2));
    // Out of reach, where q = 0, t may be too large for a float: such a Gaussian is left out.
    s0 = where_positive(p.q, fma(h, g0, s0), s0);
    s1 = where_positive(p.q, fma(h, g1, s1), s1);
    s2 = where_positive(p.q, fma(h, g2, s2), s2);
  }
  store(b.gradient[0] + at, s0 / den + zero);  // + 0: no -0, which would depend on the Gaussians left out
  store(b.gradient[1] + at, s1 / den + zero);
  store(b.gradient[2] + at, s2 / den + zero);
}

}  // namespace

void query_points(const PackedGaussian* gaussians, const uint32_t* list, size_t n, float start, bool gradient,
                  PointBatch& b) {
  size_t at = 0;
  for (; at + 48 < b.count; at += 64) values<4>(gaussians, list, n, start, b, at);
  if (at + 16 < b.count) {
    values<2>(gaussians, list, n, start, b, at);
    at += 32;
  }
  if (at < b.count) values<1>(gaussians, list, n, start, b, at);
  if (gradient)
    for (at = 0; at < b.count; at += 16) gradients(gaussians, list, n, b, at);
}

}  // namespace gaussitu::GAUSSITU_ISA
