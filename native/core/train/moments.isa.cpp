#include "train/moments.hpp"

#include "model/pair.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// One vector of partial sums per moment, added up over lanes at the very end.
struct Lanes {
  f32x16 curvature[35], cross[10], force[10], phi2, e_phi;
};

// Where u0^i t1^j is among the sums over columns of equal z.
constexpr int pair(int i, int j, int degree) {
  return j * (degree + 1) - j * (j - 1) / 2 + i;
}

// Powers of u0 of each step of a tile: the same for all lanes.
struct Steps {
  alignas(64) float u[kColumnSteps], u2[kColumnSteps];
};

// Sums over the steps of a column.
struct ColumnSums {
  f32x16 curvature[5], cross[3], force[3];  // by powers of u0
  f32x16 phi2, e_phi;
};

// (v - f) r, what f changes by with a weight, of sixteen samples; outside the domain that of the coverage.
template <bool kWhole>
GAUSSITU_INLINE f32x16 by_weight(const f32x16& v, const f32x16& r, const f32x16& e, const ResidualView& at,
                                 uint32_t k) {
  return kWhole ? ((v - load(at.value + k)) - e) * r : fma(v, r, load(at.fr + k));
}

// The columns of one z, bits `left`; t1 of each. A function of its own, so that the sums are in registers,
// and the only ones there. What it reads lies in the second-level cache or beyond: while a column is summed
// up the next one is fetched, the first of the next z after the last.
template <bool kCurvature, bool kWhole>
[[gnu::noinline]] void add_steps(ColumnSums* out, f32x16* t1, const Columns& p, const Steps& u,
                                 const Lattice& l, const Gaussian& g, uint32_t left,
                                 const ResidualView& tile) {
  const f32x16 zero = splat(0.0f);
  do {
    const auto c = static_cast<uint32_t>(__builtin_ctz(left));
    left &= left - 1;
    const Column col = column(across(g), l, c);
    *t1++ = col.t1;
    const f32x16 a00 = splat(g.a[0]), v = splat(g.v);
    f32x16 h0 = zero, h1 = zero, h2 = zero, h3 = zero, h4 = zero;
    f32x16 c0 = zero, c1 = zero, c2 = zero, f0 = zero, f1 = zero, f2 = zero;
    f32x16 phi2 = zero, e_phi = zero;
    const float *dx = p.dx + p.end[c], *end1 = u.u + p.end[c], *end2 = u.u2 + p.end[c];
    const ResidualView at = tile.from(p.begin[c]);
    const uint32_t later = p.mask & ~((2u << c) - 1);
    const ResidualView next = later == 0 ? at : tile.from(p.begin[__builtin_ctz(later)]);
    uint32_t k = 0;
    int64_t step = p.left[c];
    do {
      __builtin_prefetch(next.e + k);
      __builtin_prefetch(next.r + k);
      __builtin_prefetch((kWhole ? next.value : next.fr) + k);
      const f32x16 t0 = fma(a00, splat(dx[step]), col.c0);
      const f32x16 q = falloff(fma(t0, t0, col.base));
      const f32x16 q2 = q * q, r = load(at.r + k), e = load(at.e + k);
      const f32x16 phi = q2 * q2 * r, psi = q2 * q * by_weight<kWhole>(v, r, e, at, k);
      const f32x16 u1 = splat(end1[step]), u2 = splat(end2[step]);
      const f32x16 e_psi = e * psi;
      f0 = f0 + e_psi;
      f1 = fma(e_psi, u1, f1);
      f2 = fma(e_psi, u2, f2);
      e_phi = fma(e, phi, e_phi);
      if (kCurvature) {
        const f32x16 hh = psi * psi, hh2 = hh * u2, cc = phi * psi;
        h0 = h0 + hh;
        h1 = fma(hh, u1, h1);
        h2 = h2 + hh2;
        h3 = fma(hh2, u1, h3);
        h4 = fma(hh2, u2, h4);
        c0 = c0 + cc;
        c1 = fma(cc, u1, c1);
        c2 = fma(cc, u2, c2);
        phi2 = fma(phi, phi, phi2);
      }
      k += 16;
    } while (++step != 0);
    *out++ = {{h0, h1, h2, h3, h4}, {c0, c1, c2}, {f0, f1, f2}, phi2, e_phi};
  } while (left != 0);
}

// Adds a column's sums by powers of u0 to those of its z by powers of u0 and t1.
template <int N>
GAUSSITU_INLINE void add_column(f32x16* sums, const f32x16 (&own)[N + 1], const f32x16& t1) {
  f32x16 power = t1;
#pragma GCC unroll 5
  for (int j = 0; j <= N; j++) {
#pragma GCC unroll 5
    for (int i = 0; i + j <= N; i++) {
      f32x16& s = sums[pair(i, j, N)];
      s = j > 0 ? fma(own[i], power, s) : s + own[i];
    }
    if (j > 0) power = power * t1;
  }
}

// Adds sums over columns of equal z by powers of u0 and t1 to those of all columns by powers of t2, too.
template <int N>
GAUSSITU_INLINE void add_products(f32x16* out, const f32x16* sums, const f32x16* t2) {
#pragma GCC unroll 5
  for (int k = 0; k <= N; k++)
#pragma GCC unroll 5
    for (int j = 0; j + k <= N; j++)
#pragma GCC unroll 5
      for (int i = 0; i + j + k <= N; i++) {
        f32x16& s = out[monomial(i, j, k, N)];
        s = k > 0 ? fma(sums[pair(i, j, N)], t2[k], s) : s + sums[pair(i, j, N)];
      }
}

// The n columns of one z.
template <bool kCurvature>
GAUSSITU_INLINE void add_slab(Lanes& sums, const ColumnSums* columns, const f32x16* t1, int n,
                              const f32x16& t2) {
  const f32x16 zero = splat(0.0f), t2_2 = t2 * t2;
  const f32x16 powers[5] = {splat(1.0f), t2, t2_2, t2_2 * t2, t2_2 * t2_2};
  if (kCurvature) {
    f32x16 curvature[15];
    for (auto& s : curvature) s = zero;
    for (int c = 0; c < n; c++) add_column<4>(curvature, columns[c].curvature, t1[c]);
    add_products<4>(sums.curvature, curvature, powers);
  }
  f32x16 cross[6], force[6], phi2 = sums.phi2, e_phi = sums.e_phi;
  for (int k = 0; k < 6; k++) cross[k] = force[k] = zero;
  for (int c = 0; c < n; c++) {
    if (kCurvature) {
      phi2 = phi2 + columns[c].phi2;
      add_column<2>(cross, columns[c].cross, t1[c]);
    }
    e_phi = e_phi + columns[c].e_phi;
    add_column<2>(force, columns[c].force, t1[c]);
  }
  sums.phi2 = phi2;
  sums.e_phi = e_phi;
  if (kCurvature) add_products<2>(sums.cross, cross, powers);
  add_products<2>(sums.force, force, powers);
}

template <bool kCurvature>
void add_columns(Lanes& sums, const Gaussian& g, const TileView& tile, const ResidualView& residual) {
  Lattice l;
  lattice(l, tile);
  Columns p;
  prepare<true>(p, g, l);
  if (p.mask == 0) return;
  Steps u;
  for (uint32_t i = 0; i < tile.steps; i += 16) {
    const f32x16 u0 = splat(g.a[0]) * load(p.dx + i);
    store(u.u + i, u0);
    store(u.u2 + i, u0 * u0);
  }
  const auto add = tile.whole ? add_steps<kCurvature, true> : add_steps<kCurvature, false>;
  const ResidualView here = residual.from(tile.begin);
  for (uint32_t z = 0; z < tile.across[1]; z++) {
    const uint32_t left = p.mask & 15u << (4 * z);
    if (left == 0) continue;
    ColumnSums columns[4];
    f32x16 t1[4];
    add(columns, t1, p, u, l, g, left, here);
    const f32x16 t2 = column(across(g), l, 4 * z).t2;  // of all of them
    add_slab<kCurvature>(sums, columns, t1, __builtin_popcount(left), t2);
  }
}

// Groups of scattered samples that wait to be added up: there are more sums than registers, so some of the
// sums at a time of all that wait.
struct Batch {
  static constexpr int kMost = 16;
  f32x16 t0[kMost], t1[kMost], t2[kMost], hh[kMost], cc[kMost], e_psi[kMost];
  int n = 0;
};

// out[monomial(i, j, k)] += weight t0^i t1^j t2^k of each group, for k from kFrom to kTo.
template <int N, int kFrom, int kTo>
GAUSSITU_INLINE void add_powers(f32x16* out, const f32x16* weight, const Batch& b) {
  constexpr int kFirst = monomial(0, 0, kFrom, N), kCount = monomial(0, 0, kTo + 1, N) - kFirst;
  f32x16 sums[kCount];
  for (int m = 0; m < kCount; m++) sums[m] = out[kFirst + m];
  for (int g = 0; g < b.n; g++) {
    f32x16 t2k = splat(1.0f);
#pragma GCC unroll 5
    for (int k = 0; k <= kTo; k++, t2k = t2k * b.t2[g]) {
      if (k < kFrom) continue;
      f32x16 t12 = t2k;
#pragma GCC unroll 5
      for (int j = 0; j + k <= N; j++, t12 = t12 * b.t1[g]) {
        f32x16 m = t12;
#pragma GCC unroll 5
        for (int i = 0; i + j + k <= N; i++, m = m * b.t0[g]) {
          f32x16& s = sums[monomial(i, j, k, N) - kFirst];
          s = fma(weight[g], m, s);
        }
      }
    }
  }
  for (int m = 0; m < kCount; m++) out[kFirst + m] = sums[m];
}

template <bool kCurvature>
void add_batch(Lanes& sums, Batch& b) {
  if (kCurvature) {
    add_powers<4, 0, 0>(sums.curvature, b.hh, b);
    add_powers<4, 1, 4>(sums.curvature, b.hh, b);
    add_powers<2, 0, 2>(sums.cross, b.cc, b);
  }
  add_powers<2, 0, 2>(sums.force, b.e_psi, b);
  b.n = 0;
}

// The groups `left` of a tile.
template <bool kCurvature>
void add_groups(Lanes& sums, Batch& batch, const Gaussian& g, const TileView& tile, uint32_t left,
                const ResidualView& residual) {
  const f32x16 v = splat(g.v);
  for (; left != 0; left &= left - 1) {
    const uint32_t k = static_cast<uint32_t>(__builtin_ctz(left)) * 16, at = tile.begin + k;
    const Scattered p = scattered(g, tile, k);
    const f32x16 q2 = p.q * p.q, r = load(residual.r + at), e = load(residual.e + at);
    const f32x16 change =
        tile.whole ? by_weight<true>(v, r, e, residual, at) : by_weight<false>(v, r, e, residual, at);
    const f32x16 phi = q2 * q2 * r, psi = q2 * p.q * change;
    sums.e_phi = fma(e, phi, sums.e_phi);
    if (kCurvature) sums.phi2 = fma(phi, phi, sums.phi2);
    const int n = batch.n++;
    batch.t0[n] = p.t0;
    batch.t1[n] = p.t1;
    batch.t2[n] = p.t2;
    if (kCurvature) {
      batch.hh[n] = psi * psi;
      batch.cc[n] = phi * psi;
    }
    batch.e_psi[n] = e * psi;
    if (batch.n == Batch::kMost) add_batch<kCurvature>(sums, batch);
  }
}

// Which groups of the next tile are reached is found before those of this one are added up.
template <bool kCurvature>
void add_scattered(Lanes& sums, const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,
                   const ResidualView& residual) {
  Batch batch;
  uint32_t next = reached_groups(g, views[tiles[0]]);
  for (size_t k = 0; k < n; k++) {
    const uint32_t left = next;
    if (k + 1 < n) next = reached_groups(g, views[tiles[k + 1]]);
    add_groups<kCurvature>(sums, batch, g, views[tiles[k]], left, residual);
  }
  add_batch<kCurvature>(sums, batch);
}

template <bool kCurvature>
void run(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,
         const ResidualView& residual, Moments& out) {
  Lanes sums;
  if (kCurvature) {
    for (auto& v : sums.curvature) v = splat(0.0f);
    for (auto& v : sums.cross) v = splat(0.0f);
  }
  for (auto& v : sums.force) v = splat(0.0f);
  sums.phi2 = sums.e_phi = splat(0.0f);
  if (n > 0 && views[tiles[0]].columns) {
    for (size_t k = 0; k < n; k++) add_columns<kCurvature>(sums, g, views[tiles[k]], residual);
  } else if (n > 0) {
    add_scattered<kCurvature>(sums, g, tiles, n, views, residual);
  }
  // phi is made of (8 q)^4 and psi of (8 q)^3.
  constexpr float phi = 1 / kWeight, psi = 1 / kSlope;
  for (int k = 0; k < 35; k++) out.curvature[k] = kCurvature ? sum(sums.curvature[k]) * (psi * psi) : 0.0f;
  for (int k = 0; k < 10; k++) {
    out.cross[k] = kCurvature ? sum(sums.cross[k]) * (phi * psi) : 0.0f;
    out.force[k] = sum(sums.force[k]) * psi;
  }
  out.phi2 = sum(sums.phi2) * (phi * phi);
  out.e_phi = sum(sums.e_phi) * phi;
}

GAUSSITU_INLINE void add_projection(f32x16& wh, f32x16& wr2, const f32x16& q, const float* h,
                                    const float* r) {
  const f32x16 q2 = q * q, w = q2 * q2, wr = w * load(r);
  wh = fma(w, load(h), wh);
  wr2 = fma(wr, wr, wr2);
}

}  // namespace

void moments(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,
             const ResidualView& residual, Moments& out) {
  run<true>(g, tiles, n, views, residual, out);
}

void forces(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,
            const ResidualView& residual, Moments& out) {
  run<false>(g, tiles, n, views, residual, out);
}

void project(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views, const float* h,
             const float* r, float out[2]) {
  f32x16 wh = splat(0.0f), wr2 = splat(0.0f);
  for (size_t t = 0; t < n; t++) {
    const TileView& tile = views[tiles[t]];
    const float *th = h + tile.begin, *tr = r + tile.begin;
    if (tile.columns) {
      Lattice l;
      lattice(l, tile);
      Columns p;
      prepare<true>(p, g, l);
      const f32x16 a00 = splat(g.a[0]);
      const Across yz = across(g);
      for (uint32_t left = p.mask; left != 0; left &= left - 1) {
        const auto c = static_cast<uint32_t>(__builtin_ctz(left));
        const Column col = column(yz, l, c);
        const float* end = p.dx + p.end[c];
        uint32_t k = static_cast<uint32_t>(p.begin[c]);
        for (int64_t step = p.left[c]; step != 0; step++, k += 16) {
          const f32x16 t0 = fma(a00, splat(end[step]), col.c0);
          add_projection(wh, wr2, falloff(fma(t0, t0, col.base)), th + k, tr + k);
        }
      }
    } else {
      for (uint32_t left = reached_groups(g, tile); left != 0; left &= left - 1) {
        const uint32_t k = static_cast<uint32_t>(__builtin_ctz(left)) * 16;
        add_projection(wh, wr2, scattered(g, tile, k).q, th + k, tr + k);
      }
    }
  }
  out[0] = sum(wh) * (1 / kWeight);
  out[1] = sum(wr2) * (1 / kWeight / kWeight);
}

}  // namespace gaussitu::GAUSSITU_ISA
