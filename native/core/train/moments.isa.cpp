#include "train/moments.hpp"

#include "model/pair.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// One vector of partial sums per moment, added up over lanes at the very end.
struct Lanes {
  f32x16 curvature[35], cross[10], force[10], phi2, e_phi;
};

// Sums over the rows of a tile, by powers of t1 and t2 only: pair(j, k, degree) indexes t1^j t2^k.
struct RowSums {
  f32x16 curvature[15], cross[6], force[6];
};
constexpr int pair(int j, int k, int degree) {
  return k * (degree + 1) - k * (k - 1) / 2 + j;
}

template <bool kCurvature>
GAUSSITU_INLINE void add_plane(RowSums& s, Lanes& sums, const Plane& p, const f32x16& dx, const Gaussian& g,
                               const ResidualView& residual, uint32_t begin) {
  const f32x16 a00 = splat(g.a[0]), v = splat(g.v), zero = splat(0.0f);
  f32x16 h0 = zero, h1 = zero, h2 = zero, h3 = zero, h4 = zero;  // psi^2 t1^0..4
  f32x16 c0 = zero, c1 = zero, c2 = zero, f0 = zero, f1 = zero, f2 = zero;
  f32x16 phi2 = sums.phi2, e_phi = sums.e_phi;
  for (uint32_t rows = p.mask; rows != 0; rows &= rows - 1) {
    const int j = __builtin_ctz(rows);
    const uint32_t k = begin + j * 16;
    const f32x16 t0 = fma(a00, dx, splat(p.c[j]));
    const f32x16 q = falloff(fma(t0, t0, splat(p.base[j])));
    const f32x16 q2 = q * q, r = load(residual.r + k), e = load(residual.e + k);
    const f32x16 phi = q2 * q2 * r, psi = q2 * q * fma(v, r, load(residual.fr + k));
    const f32x16 t1 = splat(p.t1[j]), t1_2 = splat(p.t1[j] * p.t1[j]);
    const f32x16 e_psi = e * psi;
    f0 = f0 + e_psi;
    f1 = fma(e_psi, t1, f1);
    f2 = fma(e_psi, t1_2, f2);
    e_phi = fma(e, phi, e_phi);
    if (kCurvature) {
      const f32x16 hh = psi * psi, hh2 = hh * t1_2, c = phi * psi;
      h0 = h0 + hh;
      h1 = fma(hh, t1, h1);
      h2 = h2 + hh2;
      h3 = fma(hh2, t1, h3);
      h4 = fma(hh2, t1_2, h4);
      c0 = c0 + c;
      c1 = fma(c, t1, c1);
      c2 = fma(c, t1_2, c2);
      phi2 = fma(phi, phi, phi2);
    }
  }
  sums.phi2 = phi2;
  sums.e_phi = e_phi;
  const f32x16 h[5] = {h0, h1, h2, h3, h4}, c[3] = {c0, c1, c2}, f[3] = {f0, f1, f2};
  float power = 1;
  for (int k = 0; k <= 4; k++, power *= p.t2) {
    const f32x16 t2k = splat(power);
    if (kCurvature)
      for (int j = 0; j + k <= 4; j++)
        s.curvature[pair(j, k, 4)] = fma(h[j], t2k, s.curvature[pair(j, k, 4)]);
    for (int j = 0; j + k <= 2; j++) {
      if (kCurvature) s.cross[pair(j, k, 2)] = fma(c[j], t2k, s.cross[pair(j, k, 2)]);
      s.force[pair(j, k, 2)] = fma(f[j], t2k, s.force[pair(j, k, 2)]);
    }
  }
}

template <bool kCurvature>
void add_rows(Lanes& sums, const Gaussian& g, const TileView& tile, const ResidualView& residual) {
  const f32x16 dx = load(tile.x) - splat(g.mu[0]), u0 = splat(g.a[0]) * dx;
  RowSums s;
  for (auto& v : s.curvature) v = splat(0.0f);
  for (auto& v : s.cross) v = splat(0.0f);
  for (auto& v : s.force) v = splat(0.0f);
  float z = tile.corner[2];
  Plane p;
  bool any = false;
  for (uint32_t k = 0; k < tile.count; k += tile.ny * 16, z += 1.0f) {
    prepare(p, g, tile, z);
    if (p.mask == 0) continue;
    any = true;
    add_plane<kCurvature>(s, sums, p, dx, g, residual, tile.begin + k);
  }
  if (!any) return;
  f32x16 power = splat(1.0f);
  for (int i = 0; i <= 4; i++, power = power * u0)
    for (int k = 0; i + k <= 4; k++)
      for (int j = 0; i + j + k <= 4; j++) {
        if (kCurvature) {
          f32x16& h = sums.curvature[monomial(i, j, k, 4)];
          h = fma(s.curvature[pair(j, k, 4)], power, h);
        }
        if (i + j + k > 2) continue;
        f32x16 &c = sums.cross[monomial(i, j, k, 2)], &f = sums.force[monomial(i, j, k, 2)];
        if (kCurvature) c = fma(s.cross[pair(j, k, 2)], power, c);
        f = fma(s.force[pair(j, k, 2)], power, f);
      }
}

template <bool kCurvature>
void add_scattered(Lanes& sums, const Gaussian& g, const TileView& tile, const ResidualView& residual) {
  const f32x16 v = splat(g.v);
  for (uint32_t k = 0; k < tile.count; k += 16) {
    const Scattered p = scattered(g, tile, k);
    if (less(splat(0.0f), p.q) == 0) continue;
    const uint32_t at = tile.begin + k;
    const f32x16 q2 = p.q * p.q, r = load(residual.r + at), e = load(residual.e + at);
    const f32x16 phi = q2 * q2 * r, psi = q2 * p.q * fma(v, r, load(residual.fr + at));
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
void run(const GaussianView& model, uint32_t i, const uint32_t* tiles, size_t n, const TileView* views,
         const ResidualView& residual, Moments& out) {
  const Gaussian g = gaussian(model, i);
  Lanes sums;
  for (auto& v : sums.curvature) v = splat(0.0f);
  for (auto& v : sums.cross) v = splat(0.0f);
  for (auto& v : sums.force) v = splat(0.0f);
  sums.phi2 = sums.e_phi = splat(0.0f);
  for (size_t k = 0; k < n; k++) {
    const TileView& tile = views[tiles[k]];
    tile.rows ? add_rows<kCurvature>(sums, g, tile, residual)
              : add_scattered<kCurvature>(sums, g, tile, residual);
  }
  for (int k = 0; k < 35; k++) out.curvature[k] = kCurvature ? sum(sums.curvature[k]) : 0.0f;
  for (int k = 0; k < 10; k++) {
    out.cross[k] = kCurvature ? sum(sums.cross[k]) : 0.0f;
    out.force[k] = sum(sums.force[k]);
  }
  out.phi2 = sum(sums.phi2);
  out.e_phi = sum(sums.e_phi);
}

GAUSSITU_INLINE void add_projection(f32x16& wh, f32x16& wr2, const f32x16& q, const float* h,
                                    const float* r) {
  const f32x16 q2 = q * q, w = q2 * q2, wr = w * load(r);
  wh = fma(w, load(h), wh);
  wr2 = fma(wr, wr, wr2);
}

}  // namespace

void moments(const GaussianView& model, uint32_t i, const uint32_t* tiles, size_t n, const TileView* views,
             const ResidualView& residual, Moments& out) {
  run<true>(model, i, tiles, n, views, residual, out);
}

void forces(const GaussianView& model, uint32_t i, const uint32_t* tiles, size_t n, const TileView* views,
            const ResidualView& residual, Moments& out) {
  run<false>(model, i, tiles, n, views, residual, out);
}

void project(const GaussianView& model, uint32_t i, const uint32_t* tiles, size_t n, const TileView* views,
             const float* h, const float* r, float out[2]) {
  const Gaussian g = gaussian(model, i);
  f32x16 wh = splat(0.0f), wr2 = splat(0.0f);
  for (size_t t = 0; t < n; t++) {
    const TileView& tile = views[tiles[t]];
    const float *th = h + tile.begin, *tr = r + tile.begin;
    if (tile.rows) {
      const f32x16 dx = load(tile.x) - splat(g.mu[0]), a00 = splat(g.a[0]);
      float z = tile.corner[2];
      Plane p;
      for (uint32_t k = 0; k < tile.count; k += tile.ny * 16, z += 1.0f) {
        prepare(p, g, tile, z);
        for (uint32_t rows = p.mask; rows != 0; rows &= rows - 1) {
          const int j = __builtin_ctz(rows);
          const f32x16 t0 = fma(a00, dx, splat(p.c[j]));
          add_projection(wh, wr2, falloff(fma(t0, t0, splat(p.base[j]))), th + k + j * 16, tr + k + j * 16);
        }
      }
    } else {
      for (uint32_t k = 0; k < tile.count; k += 16) {
        const f32x16 q = scattered(g, tile, k).q;
        if (less(splat(0.0f), q) != 0) add_projection(wh, wr2, q, th + k, tr + k);
      }
    }
  }
  out[0] = sum(wh);
  out[1] = sum(wr2);
}

}  // namespace gaussitu::GAUSSITU_ISA
