// The weight of a Gaussian at sixteen samples, in the canonical order of operations (docs/format.md):
//
//   d = x - mu;  t2 = a22 dz;  t1 = fma(a11, dy, a12 dz);  t0 = fma(a00, dx, fma(a01, dy, a02 dz))
//   d2 = fma(t0, t0, fma(t1, t1, t2 t2));  q = max(fma(d2, -1/8, 1), 0);  w = (q q)(q q)
//
// For *.isa.cpp files only.
#pragma once
#include "base/simd.hpp"
#include "model/kernel_views.hpp"
#include "sample/tile_limits.hpp"

namespace gaussitu::GAUSSITU_ISA {

/// One Gaussian, and what culling needs of it. All samples of sixteen lanes lie within `half` of the middle
/// of their column; there |(t1, t2)| changes by at most `spread` and the x of least d2 by at most `shift`.
struct Gaussian {
  float mu[3], a[6], v;
  float width, spread, shift;  // 1 / a00
};

GAUSSITU_INLINE float larger(float a, float b) {
  return a > b ? a : b;
}
GAUSSITU_INLINE float size(float a) {
  return __builtin_fabsf(a);
}

GAUSSITU_INLINE Gaussian gaussian(const GaussianView& g, uint32_t i, const TileView& s) {
  Gaussian out{{g.mu[0][i], g.mu[1][i], g.mu[2][i]},
               {g.a[0][i], g.a[1][i], g.a[2][i], g.a[3][i], g.a[4][i], g.a[5][i]},
               g.v[i],
               1.0f / g.a[0][i],
               0,
               0};
  const float hy = 0.5f * static_cast<float>(s.lanes_y - 1), hz = 0.5f * static_cast<float>(s.lanes_z - 1);
  const float s1 = size(out.a[3]) * hy + size(out.a[4]) * hz, s2 = size(out.a[5]) * hz;
  out.spread = __builtin_sqrtf(s1 * s1 + s2 * s2);
  out.shift = (size(out.a[1]) * hy + size(out.a[2]) * hz) * out.width;
  return out;
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

/// Which of sixteen groups of a scattered tile, from group k on, the Gaussian can reach: per component, t
/// at the middle of the group's box is less than its largest change inside the box away from the support.
GAUSSITU_INLINE uint32_t reached_groups(const Gaussian& g, const TileView& s, uint32_t k) {
  const f32x16 dx = load(s.boxes[0] + k) - splat(g.mu[0]), dy = load(s.boxes[1] + k) - splat(g.mu[1]),
               dz = load(s.boxes[2] + k) - splat(g.mu[2]);
  const f32x16 hx = load(s.boxes[3] + k), hy = load(s.boxes[4] + k), hz = load(s.boxes[5] + k);
  const auto beyond = [&](const f32x16& t, const f32x16& terms, const f32x16& half) {
    return max(abs(t) - half - splat(1e-6f) * (terms + half), splat(0.0f));
  };
  const f32x16 x0 = splat(g.a[0]) * dx, y0 = splat(g.a[1]) * dy, z0 = splat(g.a[2]) * dz;
  const f32x16 y1 = splat(g.a[3]) * dy, z1 = splat(g.a[4]) * dz, z2 = splat(g.a[5]) * dz;
  const f32x16 t0 = beyond(x0 + y0 + z0, abs(x0) + abs(y0) + abs(z0),
                           splat(size(g.a[0])) * hx + splat(size(g.a[1])) * hy + splat(size(g.a[2])) * hz);
  const f32x16 t1 = beyond(y1 + z1, abs(y1) + abs(z1), splat(size(g.a[3])) * hy + splat(size(g.a[4])) * hz);
  const f32x16 t2 = beyond(z2, abs(z2), splat(size(g.a[5])) * hz);
  const uint32_t groups = s.count / 16 - k;
  return less(t0 * t0 + t1 * t1 + t2 * t2, splat(8.001f)) & ((groups < 16 ? 1u << groups : 0x10000u) - 1);
}

/// The columns of a tile that a Gaussian can reach, and the steps of each. What is left out has q = 0.
struct Columns {
  alignas(64) float dx[kColumnSteps];       // of each step
  alignas(64) int32_t first[16], last[16];  // steps of column y + 4 z
  uint32_t mask;
};

GAUSSITU_INLINE void prepare(Columns& p, const Gaussian& g, const TileView& s) {
  alignas(64) static constexpr float kIota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  alignas(64) static constexpr float kY[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  alignas(64) static constexpr float kZ[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  const auto ly = static_cast<float>(s.lanes_y), lz = static_cast<float>(s.lanes_z);
  for (uint32_t i = 0; i < s.steps; i += 16)
    store(p.dx + i, (splat(s.corner[0] + static_cast<float>(i)) + load(kIota)) - splat(g.mu[0]));
  // t1 and t2 at the middle of each column do not depend on x: the support is cut by the column where x is
  // within `half` of `middle`. Rounding is some units in the last place of the largest term.
  const f32x16 dy = fma(load(kY), splat(ly), splat((s.corner[1] - g.mu[1]) + 0.5f * (ly - 1))),
               dz = fma(load(kZ), splat(lz), splat((s.corner[2] - g.mu[2]) + 0.5f * (lz - 1)));
  const f32x16 y1 = splat(g.a[3]) * dy, z1 = splat(g.a[4]) * dz, t1 = y1 + z1, t2 = splat(g.a[5]) * dz;
  const f32x16 slack = fma(abs(y1) + abs(z1) + abs(t2), splat(1e-6f), splat(g.spread * 1.0001f + 1e-4f));
  const f32x16 r = max(sqrt(fma(t1, t1, t2 * t2)) - slack, splat(0.0f));
  const f32x16 rest = splat(8.0f) - r * r;
  const f32x16 y0 = splat(g.a[1] * g.width) * dy, z0 = splat(g.a[2] * g.width) * dz;
  const float to_corner = g.mu[0] - s.corner[0];
  const f32x16 half =
      fma(sqrt(max(rest, splat(0.0f))), splat(g.width * 1.0001f),
          fma(abs(y0) + abs(z0) + splat(size(to_corner)), splat(1e-6f), splat(g.shift * 1.0001f + 1e-3f)));
  const f32x16 middle = splat(to_corner) - (y0 + z0);
  const float last = static_cast<float>(s.steps - 1);
  const f32x16 low = (middle - half) + splat(0.999f), high = middle + half;
  store_whole(p.first, max(min(low, splat(last + 1)), splat(0.0f)));
  store_whole(p.last, max(min(high, splat(last)), splat(0.0f)));
  p.mask = less(splat(0.0f), rest) & less(splat(-0.001f), high) & less(low, splat(last + 1)) & s.all;
}

/// What columns of equal y, or of equal z, have in common.
struct Patches {
  f32x16 dy[4], t2[4], t2_2[4], z1[4], z0[4];  // z1 and z0: terms of t1 and t0
};

GAUSSITU_INLINE void patches(Patches& p, const Gaussian& g, const TileView& s) {
  alignas(64) static constexpr float kLanes[4][16] = {{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3},
                                                      {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3},
                                                      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                                      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}};
  const int y = s.lanes_y == 4    ? 0
                : s.lanes_y == 16 ? 2
                                  : 3,
            z = s.lanes_y == 4    ? 1
                : s.lanes_y == 16 ? 3
                                  : 2;
  const f32x16 ly = load(kLanes[y]), lz = load(kLanes[z]);
#pragma GCC unroll 4
  for (uint32_t c = 0; c < 4; c++) {
    p.dy[c] = (splat(s.corner[1] + static_cast<float>(c * s.lanes_y)) + ly) - splat(g.mu[1]);
    const f32x16 dz = (splat(s.corner[2] + static_cast<float>(c * s.lanes_z)) + lz) - splat(g.mu[2]);
    p.t2[c] = splat(g.a[5]) * dz;
    p.t2_2[c] = p.t2[c] * p.t2[c];
    p.z1[c] = splat(g.a[4]) * dz;
    p.z0[c] = splat(g.a[2]) * dz;
  }
}

/// What does not depend on x in column c = y + 4 z: t0 = fma(a00, dx, c0), d2 = fma(t0, t0, base).
struct Column {
  f32x16 t1, c0, base;
};

GAUSSITU_INLINE Column column(const Gaussian& g, const Patches& p, int c) {
  const int y = c & 3, z = c >> 2;
  Column col;
  col.t1 = fma(splat(g.a[3]), p.dy[y], p.z1[z]);
  col.c0 = fma(splat(g.a[1]), p.dy[y], p.z0[z]);
  col.base = fma(col.t1, col.t1, p.t2_2[z]);
  return col;
}

/// Samples of the tile before column c.
GAUSSITU_INLINE uint32_t column_begin(const TileView& s, int c) {
  return ((c >> 2) * s.across[0] + (c & 3)) * s.steps * 16;
}

}  // namespace gaussitu::GAUSSITU_ISA
