#include "train/moments.hpp"

#include "model/pair.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// One vector of partial sums per moment, added up over lanes at the very end.
struct Lanes {
  f32x16 curvature[35], cross[10], force[10], phi2, e_phi;
};

// Sums over columns of equal z, by powers of u0 and t1 only: pair(i, j, degree) indexes u0^i t1^j.
struct Slab {
  f32x16 curvature[15], cross[6], force[6];
};
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

// A function of its own, so that the sums are in registers, and the only ones there.
template <bool kCurvature, bool kWhole>
[[gnu::noinline]] void add_steps(ColumnSums& out, const Columns& p, const Steps& u, const Column& col,
                                 uint32_t c, float a, float value, const ResidualView& residual) {
  const f32x16 a00 = splat(a), v = splat(value), zero = splat(0.0f);
  f32x16 h0 = zero, h1 = zero, h2 = zero, h3 = zero, h4 = zero;
  f32x16 c0 = zero, c1 = zero, c2 = zero, f0 = zero, f1 = zero, f2 = zero;
  f32x16 phi2 = zero, e_phi = zero;
  const float *dx = p.dx + p.end[c], *end1 = u.u + p.end[c], *end2 = u.u2 + p.end[c];
  uint32_t k = 0;
  for (int64_t step = p.left[c]; step != 0; step++, k += 16) {
    const f32x16 t0 = fma(a00, splat(dx[step]), col.c0);
    const f32x16 q = falloff(fma(t0, t0, col.base));
    const f32x16 q2 = q * q, r = load(residual.r + k), e = load(residual.e + k);
    const f32x16 phi = q2 * q2 * r, psi = q2 * q * by_weight<kWhole>(v, r, e, residual, k);
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
  }
  out = {{h0, h1, h2, h3, h4}, {c0, c1, c2}, {f0, f1, f2}, phi2, e_phi};
}

// out[pair(i, j)] = sum over n columns of own[i] t1^j, all sums in registers.
template <int N, int kCount>
GAUSSITU_INLINE void add_columns_up(f32x16* out, const ColumnSums* columns,
                                    const f32x16 (ColumnSums::*own)[N + 1], const f32x16* t1, int n) {
  f32x16 sums[kCount];
  for (auto& s : sums) s = splat(0.0f);
  for (int c = 0; c < n; c++) {
    f32x16 power = splat(1.0f);
#pragma GCC unroll 5
    for (int j = 0; j <= N; j++, power = power * t1[c])
#pragma GCC unroll 5
      for (int i = 0; i + j <= N; i++) {
        f32x16& s = sums[pair(i, j, N)];
        s = fma((columns[c].*own)[i], power, s);
      }
  }
  for (int m = 0; m < kCount; m++) out[m] = sums[m];
}

// Monomials of degree at most N in the order of their index: which pair and which power of t2 make them up.
template <int N, int kCount>
struct Products {
  int from[kCount], power[kCount];
  constexpr Products() : from(), power() {
    for (int k = 0; k <= N; k++)
      for (int j = 0; j + k <= N; j++)
        for (int i = 0; i + j + k <= N; i++) {
          from[monomial(i, j, k, N)] = pair(i, j, N);
          power[monomial(i, j, k, N)] = k;
        }
  }
};

template <int N, int kCount>
GAUSSITU_INLINE void add_products(f32x16* sums, const f32x16* slab, const f32x16* powers) {
  static constexpr Products<N, kCount> kProducts;
#pragma GCC unroll 35
  for (int m = 0; m < kCount; m++)
    sums[m] = fma(slab[kProducts.from[m]], powers[kProducts.power[m]], sums[m]);
}

template <bool kCurvature>
GAUSSITU_INLINE void add_slab(Lanes& sums, const Slab& s, const f32x16& t2) {
  const f32x16 t2_2 = t2 * t2, powers[5] = {splat(1.0f), t2, t2_2, t2_2 * t2, t2_2 * t2_2};
  if (kCurvature) {
    add_products<4, 35>(sums.curvature, s.curvature, powers);
    add_products<2, 10>(sums.cross, s.cross, powers);
  }
  add_products<2, 10>(sums.force, s.force, powers);
}

template <bool kCurvature>
void add_columns(Lanes& sums, const Gaussian& g, const TileView& tile, const ResidualView& residual) {
  Lattice l;
  lattice(l, tile);
  Columns p;
  prepare<true>(p, g, l);
  if (p.mask == 0) return;
  const Across yz = across(g);
  Steps u;
  for (uint32_t i = 0; i < tile.steps; i += 16) {
    const f32x16 u0 = splat(g.a[0]) * load(p.dx + i);
    store(u.u + i, u0);
    store(u.u2 + i, u0 * u0);
  }
  for (uint32_t z = 0; z < tile.across[1]; z++) {
    uint32_t left = p.mask >> (4 * z) & 15;
    if (left == 0) continue;
    ColumnSums columns[4];
    f32x16 t1[4], t2;
    int n = 0;
    for (; left != 0; left &= left - 1, n++) {
      const uint32_t c = 4 * z + static_cast<uint32_t>(__builtin_ctz(left));
      const Column col = column(yz, l, c);
      t1[n] = col.t1;
      t2 = col.t2;  // of all of them
      const uint32_t begin = tile.begin + static_cast<uint32_t>(p.begin[c]);
      const ResidualView here{residual.e + begin, residual.r + begin, residual.fr + begin,
                              residual.value + begin};
      const auto add = tile.whole ? add_steps<kCurvature, true> : add_steps<kCurvature, false>;
      add(columns[n], p, u, col, c, g.a[0], g.v, here);
      if (kCurvature) sums.phi2 = sums.phi2 + columns[n].phi2;
      sums.e_phi = sums.e_phi + columns[n].e_phi;
    }
    Slab s;
    if (kCurvature) {
      add_columns_up<4, 15>(s.curvature, columns, &ColumnSums::curvature, t1, n);
      add_columns_up<2, 6>(s.cross, columns, &ColumnSums::cross, t1, n);
    }
    add_columns_up<2, 6>(s.force, columns, &ColumnSums::force, t1, n);
    add_slab<kCurvature>(sums, s, t2);
  }
}

template <bool kCurvature>
void add_scattered(Lanes& sums, const Gaussian& g, const TileView& tile, const ResidualView& residual) {
  const f32x16 v = splat(g.v);
  for (uint32_t part = 0; part < tile.count / 16; part += 16)
    for (uint32_t left = reached_groups(g, tile, part); left != 0; left &= left - 1) {
      const uint32_t k = (part + static_cast<uint32_t>(__builtin_ctz(left))) * 16, at = tile.begin + k;
      const Scattered p = scattered(g, tile, k);
      const f32x16 q2 = p.q * p.q, r = load(residual.r + at), e = load(residual.e + at);
      const f32x16 change =
          tile.whole ? by_weight<true>(v, r, e, residual, at) : by_weight<false>(v, r, e, residual, at);
      const f32x16 phi = q2 * q2 * r, psi = q2 * p.q * change;
      const f32x16 hh = psi * psi, c = phi * psi, e_psi = e * psi;
      sums.e_phi = fma(e, phi, sums.e_phi);
      if (kCurvature) sums.phi2 = fma(phi, phi, sums.phi2);
      f32x16 t2k = splat(1.0f);
      for (int n2 = 0; n2 <= 4; n2++, t2k = t2k * p.t2) {
        f32x16 t12 = t2k;
        for (int n1 = 0; n1 + n2 <= 4; n1++, t12 = t12 * p.t1) {
          f32x16 m = t12;
          for (int n0 = 0; n0 + n1 + n2 <= 4; n0++, m = m * p.t0) {
            if (kCurvature) {
              f32x16& sum = sums.curvature[monomial(n0, n1, n2, 4)];
              sum = fma(hh, m, sum);
            }
            if (n0 + n1 + n2 > 2) continue;
            f32x16 &sc = sums.cross[monomial(n0, n1, n2, 2)], &sf = sums.force[monomial(n0, n1, n2, 2)];
            if (kCurvature) sc = fma(c, m, sc);
            sf = fma(e_psi, m, sf);
          }
        }
      }
    }
}

template <bool kCurvature>
void run(const Gaussian& g, const uint32_t* tiles, size_t n, const TileView* views,
         const ResidualView& residual, Moments& out) {
  Lanes sums;
  for (auto& v : sums.curvature) v = splat(0.0f);
  for (auto& v : sums.cross) v = splat(0.0f);
  for (auto& v : sums.force) v = splat(0.0f);
  sums.phi2 = sums.e_phi = splat(0.0f);
  for (size_t k = 0; k < n; k++) {
    const TileView& tile = views[tiles[k]];
    tile.columns ? add_columns<kCurvature>(sums, g, tile, residual)
                 : add_scattered<kCurvature>(sums, g, tile, residual);
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
      for (uint32_t part = 0; part < tile.count / 16; part += 16)
        for (uint32_t left = reached_groups(g, tile, part); left != 0; left &= left - 1) {
          const uint32_t k = (part + static_cast<uint32_t>(__builtin_ctz(left))) * 16;
          add_projection(wh, wr2, scattered(g, tile, k).q, th + k, tr + k);
        }
    }
  }
  out[0] = sum(wh) * (1 / kWeight);
  out[1] = sum(wr2) * (1 / kWeight / kWeight);
}

}  // namespace gaussitu::GAUSSITU_ISA
