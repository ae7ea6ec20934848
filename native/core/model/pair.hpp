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

GAUSSITU_INLINE float size(float a) {
  return __builtin_fabsf(a);
}

/// 8 q. So q needs no multiplication, and as 8 is a power of two everything made of it has the bits that it
/// has of q, kWeight times as large: where stores hold up the units of fused multiply-adds (AVX-512 on Zen 5)
/// a step takes 3.5 cycles instead of 4.
GAUSSITU_INLINE f32x16 falloff(f32x16 d2) {
  return max(splat(8.0f) - d2, splat(0.0f));
}
inline constexpr float kSlope = 8 * 8 * 8, kWeight = kSlope * 8;  // of (8 q)^3 and (8 q)^4

/// Sixteen samples at any place: t in sigma units, and 8 q.
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

/// How far lanes are from the middle of their column, along one axis: the innermost and the outermost, and
/// minus their squares; these are 0 where there are others between.
struct Lanes {
  f32x16 near, far, near2, far2;
};

GAUSSITU_INLINE Lanes lanes(uint32_t count) {
  const float far = 0.5f * static_cast<float>(count - 1), near = count == 4 ? 0.5f : far;
  const float squared = count == 4 ? -1.0f : 0.0f;
  return {splat(near), splat(far), splat(squared * near * near), splat(squared * far * far)};
}

/// At least the largest slope . distance - bend . distance^2 of the lanes, or without the bend.
template <bool kBend>
GAUSSITU_INLINE f32x16 largest(f32x16 slope, f32x16 bend, const Lanes& l) {
  if (!kBend) return slope * l.far;
  return max(fma(slope, l.near, bend * l.near2), fma(slope, l.far, bend * l.far2));
}

/// Where the samples of a tile of columns are: the same for all Gaussians.
struct Lattice {
  alignas(64) float x[kColumnSteps];  // of each step
  f32x16 y[4], z[4];                  // of the lanes of columns of equal y, or of equal z
  f32x16 middle_y, middle_z;          // of column y + 4 z
  Lanes along_y, along_z;             // of a column
  f32x16 farthest;                    // of them
  float corner, last;                 // x of the first step; number of the last one
  uint32_t all;
  uint32_t begin[16];  // samples of the tile before column y + 4 z
};

GAUSSITU_INLINE void lattice(Lattice& l, const TileView& s) {
  alignas(64) static constexpr float kLow[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  alignas(64) static constexpr float kHigh[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  alignas(64) static constexpr float kAll[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  alignas(64) static constexpr float kNone[16] = {};
  l.corner = s.corner[0];
  l.last = static_cast<float>(s.steps - 1);
  l.all = s.all;
  for (uint32_t i = 0; i < kColumnSteps; i += 16)
    store(l.x + i, splat(s.corner[0] + static_cast<float>(i)) + load(kAll));
  const f32x16 lanes_y = load(s.lanes_y == 4    ? kLow
                              : s.lanes_y == 16 ? kAll
                                                : kNone),
               lanes_z = load(s.lanes_y == 4    ? kHigh
                              : s.lanes_y == 16 ? kNone
                                                : kAll);
#pragma GCC unroll 4
  for (uint32_t c = 0; c < 4; c++) {
    l.y[c] = splat(s.corner[1] + static_cast<float>(c * s.lanes_y)) + lanes_y;
    l.z[c] = splat(s.corner[2] + static_cast<float>(c * s.lanes_z)) + lanes_z;
  }
  const auto ly = static_cast<float>(s.lanes_y), lz = static_cast<float>(s.lanes_z);
  l.along_y = lanes(s.lanes_y);
  l.along_z = lanes(s.lanes_z);
  l.farthest = max(l.along_y.far, l.along_z.far);
  l.middle_y = fma(load(kLow), splat(ly), splat(s.corner[1] + 0.5f * (ly - 1)));
  l.middle_z = fma(load(kHigh), splat(lz), splat(s.corner[2] + 0.5f * (lz - 1)));
  for (uint32_t c = 0; c < 16; c++) l.begin[c] = ((c >> 2) * s.across[0] + (c & 3)) * s.steps * 16;
}

/// The columns of a tile that a Gaussian can reach, and the steps of each. What is left out has q = 0.
struct Columns {
  alignas(64) float dx[kColumnSteps];       // of each step
  alignas(64) int32_t first[16], last[16];  // steps of column y + 4 z
  uint32_t mask;
};

/// A line along x leaves the support at middle +- width sqrt(room), room = 8 - t1^2 - t2^2. At a lane (y, z)
/// off the middle of its column, room <= here - 2 (ky y + kz z) - bend . (y^2, z^2), `middle` is linear, and
/// sqrt(room) <= (room / s + s) / 2 for any s: both ends are within sums of a quadratic in y and one in z.
/// kBend: with the squares, which leave 3 % fewer lanes and take as long as the forward pass needs for those.
template <bool kBend>
GAUSSITU_INLINE void prepare(Columns& p, const Gaussian& g, const Lattice& l) {
  const f32x16 mu0 = splat(g.mu[0]), width = splat(g.width), zero = splat(0.0f);
  // All of them: an unrolled loop of eight takes less than what its end costs when it is not foreseen.
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kColumnSteps; i += 16) store(p.dx + i, load(l.x + i) - mu0);
  const f32x16 a11 = splat(g.a[3]), a12 = splat(g.a[4]), a22 = splat(g.a[5]);
  const f32x16 dy = l.middle_y - splat(g.mu[1]), dz = l.middle_z - splat(g.mu[2]);
  const f32x16 y1 = a11 * dy, z1 = a12 * dz, t1 = y1 + z1, t2 = a22 * dz;
  const f32x16 ky = a11 * t1, kz = fma(a12, t1, a22 * t2);
  // Rounding: some units in the last place of the largest terms.
  const f32x16 terms = fma(splat(g.slope), l.farthest, abs(y1) + abs(z1) + abs(t2));
  const f32x16 here = fma(terms * terms, splat(1e-5f), splat(8.001f) - fma(t1, t1, t2 * t2));
  const f32x16 two = splat(2.0f), by = splat(g.bend[0]), bz = splat(g.bend[1]);
  const f32x16 room = min(
      here + (largest<kBend>(two * abs(ky), by, l.along_y) + largest<kBend>(two * abs(kz), bz, l.along_z)),
      splat(8.001f));
  const f32x16 above = max(room, splat(0.3f)), over_s = width * inverse_root(above), ws = over_s * above;
  const f32x16 half = fma(fma(here, over_s, ws), splat(0.5f), fma(ws, splat(1e-3f), splat(1e-3f)));
  const f32x16 shear_y = splat(g.a[1]) * width, shear_z = splat(g.a[2]) * width;
  const f32x16 cy = ky * over_s, cz = kz * over_s, y0 = shear_y * dy, z0 = shear_z * dz;
  const f32x16 to_corner = mu0 - splat(l.corner), middle = to_corner - (y0 + z0);
  const f32x16 reach = fma(abs(y0) + abs(z0) + abs(to_corner), splat(1e-6f), half);
  const f32x16 half_over_s = splat(0.5f) * over_s, ey = by * half_over_s, ez = bz * half_over_s;
  const f32x16 down = largest<kBend>(abs(shear_y - cy), ey, l.along_y) +
                      largest<kBend>(abs(shear_z - cz), ez, l.along_z),
               up = largest<kBend>(abs(shear_y + cy), ey, l.along_y) +
                    largest<kBend>(abs(shear_z + cz), ez, l.along_z);
  const f32x16 low = (middle - reach) - (down - splat(0.999f)), high = (middle + reach) + up;
  const f32x16 last = splat(l.last), end = splat(l.last + 1);
  store_whole(p.first, max(min(low, end), zero));
  store_whole(p.last, max(min(high, last), zero));
  p.mask = less(zero, room) & less(splat(-0.001f), high) & less(low, end) & l.all;
}

/// What does not depend on x in column c = y + 4 z: t0 = fma(a00, dx, c0), d2 = fma(t0, t0, base).
struct Column {
  f32x16 t1, t2, c0, base;
};

/// What column() needs of a Gaussian, in all lanes: loaded once, as for all that compilers know a store of
/// sums may change the Gaussian.
struct Across {
  f32x16 mu1, mu2, a01, a02, a11, a12, a22;
};

GAUSSITU_INLINE Across across(const Gaussian& g) {
  return {splat(g.mu[1]), splat(g.mu[2]), splat(g.a[1]), splat(g.a[2]),
          splat(g.a[3]),  splat(g.a[4]),  splat(g.a[5])};
}

GAUSSITU_INLINE Column column(const Across& g, const Lattice& l, uint32_t c) {
  const f32x16 dy = l.y[c & 3] - g.mu1, dz = l.z[c >> 2] - g.mu2;
  Column col;
  col.t2 = g.a22 * dz;
  col.t1 = fma(g.a11, dy, g.a12 * dz);
  col.c0 = fma(g.a01, dy, g.a02 * dz);
  col.base = fma(col.t1, col.t1, col.t2 * col.t2);
  return col;
}

}  // namespace gaussitu::GAUSSITU_ISA
