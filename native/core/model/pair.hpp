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
GAUSSITU_INLINE uint32_t reached_of_sixteen(const Gaussian& g, const TileView& s, uint32_t k) {
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

/// Which groups of a scattered tile the Gaussian can reach.
GAUSSITU_INLINE uint32_t reached_groups(const Gaussian& g, const TileView& s) {
  static_assert(kScatteredTileSamples == 32 * 16);
  const uint32_t first = reached_of_sixteen(g, s, 0);
  return s.count <= 16 * 16 ? first : first | reached_of_sixteen(g, s, 16) << 16;
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

/// Something, and at least the largest |slope| distance - bend distance^2 of the lanes; or without the bend.
template <bool kBend>
GAUSSITU_INLINE f32x16 add_largest(f32x16 slope, f32x16 bend, const Lanes& l, f32x16 to) {
  if (!kBend) return fma(abs(slope), l.far, to);
  return to + max(fma(abs(slope), l.near, bend * l.near2), fma(abs(slope), l.far, bend * l.far2));
}

/// Where the samples of a tile of columns are: the same for all Gaussians.
struct Lattice {
  alignas(64) float x[kColumnSteps];  // of each step
  float y[4], z[4];                   // of the first lane of a column
  f32x16 lanes_y, lanes_z;            // of all lanes, from the first one
  f32x16 middle_y, middle_z;          // of column y + 4 z
  f32x16 begin;                       // samples of the tile before column y + 4 z
  Lanes along_y, along_z;             // of a column
  float before, steps;                // x of the step before the first one; their number
  uint32_t all;
};

GAUSSITU_INLINE void lattice(Lattice& l, const TileView& s) {
  alignas(64) static constexpr float kLow[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  alignas(64) static constexpr float kHigh[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  alignas(64) static constexpr float kAll[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  alignas(64) static constexpr float kNone[16] = {};
  l.before = s.corner[0] - 1;
  l.steps = static_cast<float>(s.steps);
  l.all = s.all;
  for (uint32_t i = 0; i < kColumnSteps; i += 16)
    store(l.x + i, splat(s.corner[0] + static_cast<float>(i)) + load(kAll));
  const f32x16 lanes_y = load(s.lanes_y == 4    ? kLow
                              : s.lanes_y == 16 ? kAll
                                                : kNone),
               lanes_z = load(s.lanes_y == 4    ? kHigh
                              : s.lanes_y == 16 ? kNone
                                                : kAll);
  for (uint32_t c = 0; c < 4; c++) {
    l.y[c] = s.corner[1] + static_cast<float>(c * s.lanes_y);
    l.z[c] = s.corner[2] + static_cast<float>(c * s.lanes_z);
  }
  l.lanes_y = lanes_y;
  l.lanes_z = lanes_z;
  const auto ly = static_cast<float>(s.lanes_y), lz = static_cast<float>(s.lanes_z);
  l.along_y = lanes(s.lanes_y);
  l.along_z = lanes(s.lanes_z);
  l.middle_y = fma(load(kLow), splat(ly), splat(s.corner[1] + 0.5f * (ly - 1)));
  l.middle_z = fma(load(kHigh), splat(lz), splat(s.corner[2] + 0.5f * (lz - 1)));
  l.begin = fma(load(kHigh), splat(static_cast<float>(s.across[0])), load(kLow)) *
            splat(static_cast<float>(16 * s.steps));
}

/// The columns of a tile that a Gaussian can reach, and the steps of each. What is left out has q = 0.
struct Columns {
  alignas(64) float dx[kColumnSteps];  // of each step
  // Of column y + 4 z: the sample of the tile where its steps begin, the step after them, minus their number.
  alignas(64) int32_t begin[16], end[16], left[16];
  uint32_t mask;
};

/// A line along x leaves the support at middle +- 2 width sqrt(room), room = (8 - t1^2 - t2^2) / 2. At a lane
/// (y, z) off the middle of its column, room <= here - (ky y + kz z) - bend . (y^2, z^2), `middle` is linear,
/// and 2 sqrt(room) <= room / s + s for any s: both ends are within sums of a quadratic in y and one in z.
/// kBend: with the squares, which leave 3 % fewer lanes and take as long as the forward pass needs for those.
template <bool kBend>
GAUSSITU_INLINE void prepare(Columns& p, const Gaussian& g, const Lattice& l) {
  const f32x16 mu0 = splat(g.mu[0]), zero = splat(0.0f), full = splat(g.room);
  // All of them: an unrolled loop of eight takes less than what its end costs when it is not foreseen.
#pragma GCC unroll 8
  for (uint32_t i = 0; i < kColumnSteps; i += 16) store(p.dx + i, load(l.x + i) - mu0);
  const f32x16 a11 = splat(g.a[3]), a12 = splat(g.a[4]), a22 = splat(g.a[5]);
  const f32x16 shear_y = splat(g.shear[0]), shear_z = splat(g.shear[1]);
  const f32x16 by = splat(g.bend[0]), bz = splat(g.bend[1]);
  const f32x16 dy = l.middle_y - splat(g.mu[1]), dz = l.middle_z - splat(g.mu[2]);
  const f32x16 t1 = fma(a11, dy, a12 * dz), t2 = a22 * dz;
  const f32x16 ky = a11 * t1, kz = fma(a12, t1, a22 * t2);
  const f32x16 here = fma(fma(t1, t1, t2 * t2), splat(-0.5f), full);
  const f32x16 most =
      min(add_largest<kBend>(ky, by, l.along_y, add_largest<kBend>(kz, bz, l.along_z, here)), full);
  // s^2, or something near: only over_s has to be its inverse root, and that to 2^-11.
  const f32x16 s2 = max(most, splat(0.15f)), over_s = splat(g.width) * inverse_root(s2);
  const f32x16 half = over_s * fma(s2, splat(1.001f), here);
  const f32x16 cy = ky * over_s, cz = kz * over_s, ey = by * over_s, ez = bz * over_s;
  const f32x16 middle = splat(g.mu[0] - l.before) - fma(shear_y, dy, shear_z * dz);
  const f32x16 down =
      add_largest<kBend>(shear_y - cy, ey, l.along_y, add_largest<kBend>(shear_z - cz, ez, l.along_z, half));
  const f32x16 up =
      add_largest<kBend>(shear_y + cy, ey, l.along_y, add_largest<kBend>(shear_z + cz, ez, l.along_z, half));
  const f32x16 steps = splat(l.steps), first = truncate(max(min(middle - down, steps), zero)),
               end = truncate(max(min(middle + up, steps), zero));
  store_whole(p.begin, fma(first, splat(16.0f), l.begin));
  store_whole(p.end, end);
  store_whole(p.left, first - end);
  p.mask = less(zero, most) & less(first, end) & l.all;
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
  const f32x16 dy = splat(l.y[c & 3]) + l.lanes_y - g.mu1, dz = splat(l.z[c >> 2]) + l.lanes_z - g.mu2;
  Column col;
  col.t2 = g.a22 * dz;
  col.t1 = fma(g.a11, dy, g.a12 * dz);
  col.c0 = fma(g.a01, dy, g.a02 * dz);
  col.base = fma(col.t1, col.t1, col.t2 * col.t2);
  return col;
}

}  // namespace gaussitu::GAUSSITU_ISA
