#include "train/importance.hpp"

#include <algorithm>
#include <cmath>

#include "base/thread_pool.hpp"

namespace gaussitu {
namespace {

// Central differences inside the tile, one-sided at its faces and beside missing samples.
void grid_gradient(const SampleSet& s, const Tile& tile, float* out) {
  for (uint32_t k = 0; k < tile.n[2]; k++)
    for (uint32_t j = 0; j < tile.n[1]; j++)
      for (uint32_t i = 0; i < tile.n[0]; i++) {
        const uint32_t here = s.at(tile, i, j, k), at[3] = {i, j, k};
        if (s.weight[here] == 0) continue;
        float squared = 0;
        for (int d = 0; d < 3; d++) {
          const auto neighbour = [&](bool exists, int side) {
            if (!exists) return here;
            const uint32_t n = s.at(tile, i + (d == 0) * side, j + (d == 1) * side, k + (d == 2) * side);
            return s.weight[n] != 0 ? n : here;
          };
          const uint32_t before = neighbour(at[d] > 0, -1), after = neighbour(at[d] + 1 < tile.n[d], 1);
          const float change = s.value[after] - s.value[before];
          const float slope = before != here && after != here ? change / 2 : change;
          squared += slope * slope;
        }
        out[here - tile.begin] = std::sqrt(squared);
      }
}

void group_spread(const SampleSet& s, const Tile& tile, float* out) {
  for (uint32_t k = 0; k < tile.count; k += 16) {
    const float* value = &s.value[tile.begin + k];
    float weight[16], n = 0, mean = 0, squared = 0;
    for (int i = 0; i < 16; i++) weight[i] = std::max(0.0f, s.weight[tile.begin + k + i]);
    for (int i = 0; i < 16; i++) {
      n += weight[i];
      mean += weight[i] * value[i];
    }
    if (n == 0) continue;
    mean /= n;
    for (int i = 0; i < 16; i++) squared += weight[i] * (value[i] - mean) * (value[i] - mean);
    for (int i = 0; i < 16; i++) out[k + i] = std::sqrt(squared / n);
  }
}

}  // namespace

std::vector<float> importance(const SampleSet& s) {
  std::vector<float> out(s.x.size(), 0.0f);
  std::vector<double> sums(s.tiles.size());
  parallel_for(s.tiles.size(), [&](size_t t) {
    const Tile& tile = s.tiles[t];
    float* o = &out[tile.begin];
    s.columns ? grid_gradient(s, tile, o) : group_spread(s, tile, o);
    for (uint32_t k = 0; k < tile.count; k++)
      sums[t] += o[k] = power_5_8(o[k]) * std::max(0.0f, s.weight[tile.begin + k]);
  });
  double total = 0;
  for (const double x : sums) total += x;
  const double mean = s.finite > 0 ? total / static_cast<double>(s.finite) : 0;
  const Mixture mix(mean);
  parallel_for(s.tiles.size(), [&](size_t t) {
    const Tile& tile = s.tiles[t];
    for (uint32_t k = tile.begin; k < tile.begin + tile.count; k++)
      out[k] = std::max(0.0f, s.weight[k]) * mix.of(out[k]);
  });
  return out;
}

}  // namespace gaussitu
