#include "model/evaluate_kernel.hpp"
#include "model/model.hpp"
#include "model/pair.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// Numerators and denominators of a tile; they stay in the first-level cache.
struct Sums {
  alignas(64) float n[kTileSamples], d[kTileSamples];
};

GAUSSITU_INLINE void add(Sums& s, float* cover, uint32_t k, f32x16 q, f32x16 v) {
  const f32x16 q2 = q * q, w = q2 * q2;
  store(s.n + k, fma(w, v, load(s.n + k)));
  store(s.d + k, load(s.d + k) + w);
  if (cover) store(cover + k, load(cover + k) + w);
}

GAUSSITU_INLINE uint32_t add_to_columns(Sums& s, float* cover, const Gaussian& g, const TileView& tile) {
  Columns p;
  prepare(p, g, tile);
  const f32x16 a00 = splat(g.a[0]), v = splat(g.v);
  int32_t groups = 0;
  for (uint32_t left = p.mask; left != 0; left &= left - 1) {
    const int c = __builtin_ctz(left);
    const Column col = column(g, tile, c);
    const uint32_t begin = column_begin(tile, c);
    for (int32_t k = p.first[c]; k <= p.last[c]; k++) {
      const f32x16 t0 = fma(a00, splat(p.dx[k]), col.c0);
      add(s, cover, begin + static_cast<uint32_t>(k) * 16, falloff(fma(t0, t0, col.base)), v);
    }
    groups += p.last[c] - p.first[c] + 1;
  }
  return static_cast<uint32_t>(groups);
}

GAUSSITU_INLINE uint32_t add_to_scattered(Sums& s, float* cover, const Gaussian& g, const TileView& tile) {
  const f32x16 v = splat(g.v);
  uint32_t groups = 0;
  for (uint32_t k = 0; k < tile.count / 16; k += 16)
    for (uint32_t left = reached_groups(g, tile, k); left != 0; left &= left - 1, groups++) {
      const uint32_t at = (k + static_cast<uint32_t>(__builtin_ctz(left))) * 16;
      add(s, cover, at, scattered(g, tile, at).q, v);
    }
  return groups;
}

template <bool kCover>
uint64_t sum_up(Sums& s, float* cover, const GaussianView& model, const uint32_t* list, size_t n,
                const TileView& tile, float start) {
  for (uint32_t k = 0; k < tile.count; k += 16) {
    store(s.n + k, splat(start));
    store(s.d + k, splat(kBackground));
    if (kCover) store(cover + k, splat(0.0f));
  }
  if (!kCover) cover = nullptr;
  uint64_t groups = 0;
  if (tile.columns)
    for (size_t i = 0; i < n; i++)
      groups += add_to_columns(s, cover, gaussian(model, list[i], tile.lanes_y), tile);
  else
    for (size_t i = 0; i < n; i++) groups += add_to_scattered(s, cover, gaussian(model, list[i], 1), tile);
  return groups * 16;
}

}  // namespace

void evaluate_tile(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile,
                   float start, float* f, float* cover) {
  Sums s;
  cover ? sum_up<true>(s, cover, model, list, n, tile, start)
        : sum_up<false>(s, nullptr, model, list, n, tile, start);
  for (uint32_t k = 0; k < tile.count; k += 16) store(f + k, load(s.n + k) / load(s.d + k));
}

uint64_t compare_tile(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile,
                      float start, ResidualTile& out) {
  Sums s;
  const uint64_t pairs = sum_up<false>(s, nullptr, model, list, n, tile, start);
  // A sample outside the domain has a weight below 0: e is that part of the coverage there, and with 1 / D =
  // 0 and -f / D = its weight the backward pass sees just the derivatives of that (train/moments.hpp).
  const f32x16 zero = splat(0.0f);
  f32x16 squares = zero;
  for (uint32_t k = 0; k < tile.count; k += 16) {
    const f32x16 weight = load(out.weight + k), inside = max(weight, zero),
                 outside = max(zero - weight, zero);
    const f32x16 d = load(s.d + k), f = load(s.n + k) / d, r = inside / d;
    const f32x16 e = inside * (f - load(out.value + k));
    store(out.e + k, fma(outside, d - splat(kBackground), e));
    store(out.r + k, r);
    store(out.fr + k, outside - f * r);
    const f32x16 own = e * max(weight + weight - splat(1.0f), zero);  // of weight 1, not of 1/2
    squares = fma(own, own, squares);
  }
  out.squares = sum(squares);
  return pairs;
}

}  // namespace gaussitu::GAUSSITU_ISA
