#include "model/evaluate_kernel.hpp"
#include "model/model.hpp"
#include "model/pair.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// kWeight times the numerators and denominators of a tile, sixteen of each in turn; they stay in the
// second-level cache, and what neighbours in the list have in common in the first. (Apart they would be a
// multiple of 4 kB from each other, and processors take such a load to depend on the store.)
// Whoever reads them puts the start back, while they are at hand: the next tile most often begins with it.
struct Sums {
  alignas(64) float nd[2 * kTileSamples];
  float start = __builtin_nanf("");  // of all numerators
  float* at(uint32_t k) { return nd + 2 * k; }
  void reset(uint32_t k) {
    store(at(k), splat(kWeight * start));
    store(at(k) + 16, splat(kWeight * kBackground));
  }
};

// A thread's: too long for small stacks. Compilers that know where they come from look that up in each step.
Sums& own_sums() {
  static thread_local Sums own;
  Sums* s = &own;
  asm("" : "+r"(s));
  return *s;
}

template <bool kCover>
GAUSSITU_INLINE void add(float* nd, float* cover, f32x16 q, f32x16 v) {
  const f32x16 q2 = q * q, w = q2 * q2;
  if (kCover) store(cover, load(cover) + w);
  store(nd + 16, load(nd + 16) + w);
  store(nd, fma(w, v, load(nd)));  // in the register of w, as the last that needs it
}

// A Gaussian that is ready to be added, and the columns where.
struct Ready {
  Columns columns;
  const Gaussian* gaussian;
};

GAUSSITU_INLINE void make_ready(Ready& r, const Gaussian& g, const Lattice& l) {
  prepare<false>(r.columns, g, l);
  r.gaussian = &g;
}

// A column that is ready: what does not depend on x, where its steps begin, and after its last one.
struct Start {
  f32x16 c0, base;
  uint32_t begin;
  int64_t left;
  const float* end;
};

GAUSSITU_INLINE Start start(const Columns& p, const Across& yz, const Lattice& l, uint32_t c) {
  const Column col = column(yz, l, c);
  return {col.c0, col.base, static_cast<uint32_t>(p.begin[c]), p.left[c], p.dx + p.end[c]};
}

// Each column is made ready before the steps of the one before it, too.
template <bool kCover>
GAUSSITU_INLINE uint32_t add_to_columns(Sums& s, float* cover, const Ready& ready, const Lattice& l) {
  const Columns& p = ready.columns;
  if (p.mask == 0) return 0;
  const Gaussian& g = *ready.gaussian;
  const f32x16 a00 = splat(g.a[0]), v = splat(g.v);
  const Across yz = across(g);
  uint32_t left = p.mask, vectors = 0;
  Start next = start(p, yz, l, static_cast<uint32_t>(__builtin_ctz(left)));
  do {
    left &= left - 1;
    const Start now = next;
    next = start(p, yz, l, left != 0 ? static_cast<uint32_t>(__builtin_ctz(left)) : 0);
    float *nd = s.at(now.begin), *cov = cover + (kCover ? now.begin : 0);
    int64_t step = now.left;
    vectors -= static_cast<uint32_t>(step);
    do {
      const f32x16 t0 = fma(a00, splat(now.end[step]), now.c0);
      add<kCover>(nd, cov, falloff(fma(t0, t0, now.base)), v);
      nd += 32;
      if (kCover) cov += 16;
    } while (++step != 0);
  } while (left != 0);
  return vectors;
}

// A Gaussian's columns are found while the steps of the one before it are under way: they have to wait for
// nothing.
template <bool kCover>
uint64_t add_all_to_columns(Sums& s, float* cover, const Gaussian* gaussians, const uint32_t* list, size_t n,
                            const TileView& tile) {
  if (n == 0) return 0;
  Lattice l;
  lattice(l, tile);
  Ready ready[2];
  make_ready(ready[0], gaussians[list[0]], l);
  uint64_t vectors = 0;
  for (size_t i = 0; i < n; i++) {
    if (i + 1 < n) make_ready(ready[(i + 1) & 1], gaussians[list[i + 1]], l);
    vectors += add_to_columns<kCover>(s, cover, ready[i & 1], l);
  }
  return vectors;
}

// Likewise: which groups the next Gaussian reaches is found before those of this one are added to.
template <bool kCover>
uint64_t add_all_to_scattered(Sums& s, float* cover, const Gaussian* gaussians, const uint32_t* list,
                              size_t n, const TileView& tile) {
  if (n == 0) return 0;
  uint64_t groups = 0;
  uint32_t next = reached_groups(gaussians[list[0]], tile);
  for (size_t i = 0; i < n; i++) {
    uint32_t left = next;
    if (i + 1 < n) next = reached_groups(gaussians[list[i + 1]], tile);
    const Gaussian& g = gaussians[list[i]];
    const f32x16 v = splat(g.v);
    for (; left != 0; left &= left - 1, groups++) {
      const uint32_t at = static_cast<uint32_t>(__builtin_ctz(left)) * 16;
      add<kCover>(s.at(at), cover + (kCover ? at : 0), scattered(g, tile, at).q, v);
    }
  }
  return groups;
}

template <bool kCover>
uint64_t sum_up(Sums& s, float* cover, const Gaussian* gaussians, const uint32_t* list, size_t n,
                const TileView& tile, float start) {
  if (s.start != start) {
    s.start = start;
    for (uint32_t k = 0; k < kTileSamples; k += 16) s.reset(k);
  }
  if (kCover)
    for (uint32_t k = 0; k < tile.count; k += 16) store(cover + k, splat(0.0f));
  return 16 * (tile.columns ? add_all_to_columns<kCover>(s, cover, gaussians, list, n, tile)
                            : add_all_to_scattered<kCover>(s, cover, gaussians, list, n, tile));
}

// A sample outside the domain has a weight below 0: e is that part of the coverage there, and with 1 / D =
// 0 and -f / D = its weight the backward pass sees just the derivatives of that (train/moments.hpp).
template <bool kWhole>
void compare(Sums& s, uint32_t count, ResidualTile& out) {
  const f32x16 zero = splat(0.0f), unit = splat(1 / kWeight);
  f32x16 squares = zero;
  for (uint32_t k = 0; k < count; k += 16) {
    // Not the canonical quotient, which takes a second division.
    const f32x16 d = load(s.at(k) + 16) * unit, inverse = splat(1.0f) / d, f = load(s.at(k)) * unit * inverse;
    s.reset(k);
    f32x16 e = f - load(out.value + k), r = inverse, outside = zero, own = e;
    if (!kWhole) {
      const f32x16 weight = load(out.weight + k), inside = max(weight, zero);
      outside = max(zero - weight, zero);
      r = inside * inverse;
      e = inside * e;
      own = e * max(weight + weight - splat(1.0f), zero);  // of weight 1, not of 1/2
      e = fma(outside, d - splat(kBackground), e);
    }
    store(out.e + k, e);
    store(out.r + k, r);
    if (!kWhole) store(out.fr + k, outside - f * r);
    squares = fma(own, own, squares);
  }
  out.squares = sum(squares);
}

}  // namespace

void evaluate_tile(const Gaussian* gaussians, const uint32_t* list, size_t n, const TileView& tile,
                   float start, float* f, float* cover) {
  Sums& s = own_sums();
  cover ? sum_up<true>(s, cover, gaussians, list, n, tile, start)
        : sum_up<false>(s, nullptr, gaussians, list, n, tile, start);
  for (uint32_t k = 0; k < tile.count; k += 16) {
    store(f + k, load(s.at(k)) / load(s.at(k) + 16));
    s.reset(k);
    if (cover) store(cover + k, load(cover + k) * splat(1 / kWeight));
  }
}

uint64_t compare_tile(const Gaussian* gaussians, const uint32_t* list, size_t n, const TileView& tile,
                      float start, ResidualTile& out) {
  Sums& s = own_sums();
  const uint64_t pairs = sum_up<false>(s, nullptr, gaussians, list, n, tile, start);
  tile.whole ? compare<true>(s, tile.count, out) : compare<false>(s, tile.count, out);
  return pairs;
}

}  // namespace gaussitu::GAUSSITU_ISA
