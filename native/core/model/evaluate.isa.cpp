#include "model/evaluate_kernel.hpp"
#include "model/model.hpp"
#include "model/pair.hpp"
#include "sample/tile_limits.hpp"

namespace gaussitu::GAUSSITU_ISA {
namespace {

// Numerators and denominators of a tile; they stay in the first-level cache.
struct Sums {
  alignas(64) float n[kTileSamples], d[kTileSamples], cover[kTileSamples];
};

template <bool kCover>
GAUSSITU_INLINE void add(Sums& s, uint32_t k, f32x16 q, f32x16 v) {
  const f32x16 q2 = q * q, w = q2 * q2;
  store(s.n + k, fma(w, v, load(s.n + k)));
  store(s.d + k, load(s.d + k) + w);
  if (kCover) store(s.cover + k, load(s.cover + k) + w);
}

template <bool kCover>
uint32_t add_to_rows(Sums& s, const Gaussian& g, const TileView& tile) {
  const f32x16 dx = load(tile.x) - splat(g.mu[0]), a00 = splat(g.a[0]), v = splat(g.v);
  const uint32_t plane_samples = tile.ny * 16;
  float z = tile.corner[2];
  uint32_t groups = 0;
  Plane p;
  for (uint32_t k = 0; k < tile.count; k += plane_samples, z += 1.0f) {
    prepare(p, g, tile, z);
    groups += static_cast<uint32_t>(__builtin_popcount(p.mask));
    for (uint32_t rows = p.mask; rows != 0; rows &= rows - 1) {
      const int j = __builtin_ctz(rows);
      const f32x16 t0 = fma(a00, dx, splat(p.c[j]));
      add<kCover>(s, k + j * 16, falloff(fma(t0, t0, splat(p.base[j]))), v);
    }
  }
  return groups;
}

template <bool kCover>
uint32_t add_to_scattered(Sums& s, const Gaussian& g, const TileView& tile) {
  const f32x16 v = splat(g.v);
  uint32_t groups = 0;
  for (uint32_t k = 0; k < tile.count; k += 16) {
    const f32x16 q = scattered(g, tile, k).q;
    if (less(splat(0.0f), q) == 0) continue;
    add<kCover>(s, k, q, v);
    groups++;
  }
  return groups;
}

template <bool kCover>
uint64_t run(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile, float start,
             float* f, float* density, float* cover) {
  Sums s;
  for (uint32_t k = 0; k < tile.count; k += 16) {
    store(s.n + k, splat(start));
    store(s.d + k, splat(kBackground));
    if (kCover) store(s.cover + k, splat(0.0f));
  }
  uint64_t groups = 0;
  for (size_t i = 0; i < n; i++) {
    const Gaussian g = gaussian(model, list[i]);
    groups += tile.rows ? add_to_rows<kCover>(s, g, tile) : add_to_scattered<kCover>(s, g, tile);
  }
  for (uint32_t k = 0; k < tile.count; k += 16) {
    store(f + k, load(s.n + k) / load(s.d + k));
    if (density) store(density + k, load(s.d + k));
    if (kCover) store(cover + k, load(s.cover + k));
  }
  return groups * 16;
}

}  // namespace

uint64_t evaluate_tile(const GaussianView& model, const uint32_t* list, size_t n, const TileView& tile,
                       float start, float* f, float* density, float* cover) {
  return cover ? run<true>(model, list, n, tile, start, f, density, cover)
               : run<false>(model, list, n, tile, start, f, density, cover);
}

}  // namespace gaussitu::GAUSSITU_ISA
