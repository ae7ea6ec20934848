// The weight of a Gaussian at sixteen samples, in the canonical order of operations (docs/format.md):
//
//   d = x - mu;  t2 = a22 dz;  t1 = fma(a11, dy, a12 dz);  t0 = fma(a00, dx, fma(a01, dy, a02 dz))
//   d2 = fma(t0, t0, fma(t1, t1, t2 t2));  q = max(fma(d2, -1/8, 1), 0);  w = (q q)(q q)
//
// For *.isa.cpp files only.
#pragma once
#include "base/simd.hpp"
#include "model/kernel_views.hpp"

namespace gaussitu::GAUSSITU_ISA {

struct Gaussian {
  float mu[3], a[6], v;
};

GAUSSITU_INLINE Gaussian gaussian(const GaussianView& g, uint32_t i) {
  return {{g.mu[0][i], g.mu[1][i], g.mu[2][i]},
          {g.a[0][i], g.a[1][i], g.a[2][i], g.a[3][i], g.a[4][i], g.a[5][i]},
          g.v[i]};
}

GAUSSITU_INLINE f32x16 falloff(f32x16 d2) {
  return max(fma(d2, splat(-0.125f), splat(1.0f)), splat(0.0f));
}

/// Sixteen samples at any place: t in sigma units, and q.
struct Scattered {
  f32x16 t0, t1, t2, q;
};

GAUSSITU_INLINE Scattered scattered(const Gaussian& g, const TileView& s, uint32_t k) {
  const f32x16 dx = load(s.x + k) - splat(g.mu[0]), dy = load(s.y + k) - splat(g.mu[1]),
               dz = load(s.z + k) - splat(g.mu[2]);
  Scattered p;
  p.t2 = splat(g.a[5]) * dz;
  p.t1 = fma(splat(g.a[3]), dy, splat(g.a[4]) * dz);
  p.t0 = fma(splat(g.a[0]), dx, fma(splat(g.a[1]), dy, splat(g.a[2]) * dz));
  p.q = falloff(fma(p.t0, p.t0, fma(p.t1, p.t1, p.t2 * p.t2)));
  return p;
}

/// Up to sixteen rows of one plane of a rows tile: what does not depend on x, one row per lane, and which
/// rows the Gaussian can reach. A row that is left out has q = 0 in all its lanes, exactly: rounding is
/// monotone, so d2 of a lane is never below the bound computed here.
struct Plane {
  alignas(64) float t1[16], c[16], base[16];  // t0 = fma(a00, dx, c), d2 = fma(t0, t0, base)
  float t2;
  uint32_t mask;
};

GAUSSITU_INLINE void prepare(Plane& p, const Gaussian& g, const TileView& s, float z) {
  alignas(64) static constexpr float kIota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const f32x16 dy = (splat(s.corner[1]) + load(kIota)) - splat(g.mu[1]);
  const float dz = z - g.mu[2];
  p.t2 = g.a[5] * dz;
  const f32x16 t1 = fma(splat(g.a[3]), dy, splat(g.a[4] * dz));
  const f32x16 c = fma(splat(g.a[1]), dy, splat(g.a[2] * dz));
  const f32x16 base = fma(t1, t1, splat(p.t2 * p.t2));
  store(p.t1, t1);
  store(p.c, c);
  store(p.base, base);
  const f32x16 first = fma(splat(g.a[0]), splat(s.corner[0] - g.mu[0]), c);
  const f32x16 last = fma(splat(g.a[0]), splat((s.corner[0] + 15.0f) - g.mu[0]), c);
  const f32x16 nearest =
      max(max(min(first, last), splat(0.0f) - max(first, last)), splat(0.0f));  // |t0| of the closest lane
  p.mask = less(fma(nearest, nearest, base), splat(8.0f)) & ((s.ny < 16 ? 1u << s.ny : 0x10000u) - 1);
}

}  // namespace gaussitu::GAUSSITU_ISA
