#include "model/evaluate_kernel.hpp"
#include "model/model.hpp"
#include "model/pair.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// Numerators and denominators of a tile, sixteen of each in turn; they stay in the second-level cache, and
// what neighbours in the list have in common in the first. (Apart they would be a multiple of 4 kB from each
// other, and processors take such a load to depend on the store.)
struct Sums {
  alignas(64) float nd[2 * kTileSamples];
  float* at(uint32_t k) { return nd + 2 * k; }
};

// A thread's: too long for small stacks. Compilers that know where they come from look that up in each step.
Sums& own_sums() {
  static thread_local Sums own;
  Sums* s = &own;
  asm("" : "+r"(s));
  return *s;
}

GAUSSITU_INLINE void add(float* nd, float* cover, f32x16 q, f32x16 v) {
  const f32x16 q2 = q * q, w = q2 * q2, n = load(nd), d = load(nd + 16);
  store(nd, fma(w, v, n));
  store(nd + 16, d + w);
  if (cover) store(cover, load(cover) + w);
}

GAUSSITU_INLINE uint32_t add_to_columns(Sums& s, float* cover, const Gaussian& g, const TileView& tile) {
  Columns p;
  prepare(p, g, tile);
  if (p.mask == 0) return 0;
  Patches patch;
  patches(patch, g, tile);
  const f32x16 a00 = splat(g.a[0]), v = splat(g.v);
  uint32_t vectors = 0;
  for (uint32_t left = p.mask; left != 0; left &= left - 1) {
    const int c = __builtin_ctz(left);
    const Column col = column(g, patch, c);
    const uint32_t begin = column_begin(tile, c) + 16 * static_cast<uint32_t>(p.first[c]);
    float *nd = s.at(begin), *cov = cover + (cover ? begin : 0);
    const float *dx = p.dx + p.first[c], *end = p.dx + p.last[c] + 1;
    vectors += static_cast<uint32_t>(end - dx);
    for (; dx < end; dx++, nd += 32) {
      const f32x16 t0 = fma(a00, splat(*dx), col.c0);
      add(nd, cov, falloff(fma(t0, t0, col.base)), v);
      if (cover) cov += 16;
    }
  }
  return vectors;
}

GAUSSITU_INLINE uint32_t add_to_scattered(Sums& s, float* cover, const Gaussian& g, const TileView& tile) {
  const f32x16 v = splat(g.v);
  uint32_t groups = 0;
  for (uint32_t k = 0; k < tile.count / 16; k += 16)
    for (uint32_t left = reached_groups(g, tile, k); left != 0; left &= left - 1, groups++) {
      const uint32_t at = (k + static_cast<uint32_t>(__builtin_ctz(left))) * 16;
      add(s.at(at), cover ? cover + at : nullptr, scattered(g, tile, at).q, v);
    }
  return groups;
}

template <bool kCover>
uint64_t sum_up(Sums& s, float* cover, const GaussianView& model, const uint32_t* list, size_t n,
                const TileView& tile, float start) {
  for (uint32_t k = 0; k < tile.count; k += 16) {
    store(s.at(k), splat(start));
    store(s.at(k) + 16, splat(kBackground));
    if (kCover) store(cover + k, splat(0.0f));
  }
  if (!kCover) cover = nullptr;
  uint64_t groups = 0;
  if (tile.columns)
    for (size_t i = 0; i < n; i++) groups += add_to_columns(s, cover, gaussian(model, list[i], tile), tile);
  else
    for (size_t i = 0; i < n; i++) groups += add_to_scattered(s, cover, gaussian(model, list[i], tile), tile);
  return groups * 16;
}

}  // namespace

void evaluate_tile(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile,
                   float start, float* f, float* cover) {
  Sums& s = own_sums();
  cover ? sum_up<true>(s, cover, model, list, n, tile, start)
        : sum_up<false>(s, nullptr, model, list, n, tile, start);
  for (uint32_t k = 0; k < tile.count; k += 16) store(f + k, load(s.at(k)) / load(s.at(k) + 16));
}

uint64_t compare_tile(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile,
                      float start, ResidualTile& out) {
  Sums& s = own_sums();
  const uint64_t pairs = sum_up<false>(s, nullptr, model, list, n, tile, start);
  // A sample outside the domain has a weight below 0: e is that part of the coverage there, and with 1 / D =
  // 0 and -f / D = its weight the backward pass sees just the derivatives of that (train/moments.hpp).
  const f32x16 zero = splat(0.0f);
  f32x16 squares = zero;
  for (uint32_t k = 0; k < tile.count; k += 16) {
    const f32x16 weight = load(out.weight + k), inside = max(weight, zero),
                 outside = max(zero - weight, zero);
    // Not the canonical quotient, which takes a second division.
    const f32x16 d = load(s.at(k) + 16), inverse = splat(1.0f) / d, f = load(s.at(k)) * inverse,
                 r = inside * inverse;
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
