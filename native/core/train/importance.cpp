#include "train/importance.hpp"

#include <algorithm>
#include <cmath>

#include "base/thread_pool.hpp"

namespace gaussitu {
namespace {

// x^(5/8) by square roots alone, which are the same bits everywhere.
float power_5_8(float x) {
  const float half = std::sqrt(x);
  return half * std::sqrt(std::sqrt(half));
}

// Central differences inside the tile, one-sided at its faces and beside missing samples.
void rows_gradient(const SampleSet& s, const Tile& tile, float* out) {
  const auto ny = static_cast<int>(tile.hi[1] - tile.lo[1]) + 1;
  const int nz = static_cast<int>(tile.count) / 16 / ny, n[3] = {16, ny, nz}, stride[3] = {1, 16, 16 * ny};
  const float *value = &s.value[tile.begin], *weight = &s.weight[tile.begin];
  for (int k = 0; k < static_cast<int>(tile.count); k++) {
    if (weight[k] == 0) continue;
    const int at[3] = {k % 16, k / 16 % ny, k / 16 / ny};
    float squared = 0;
    for (int d = 0; d < 3; d++) {
      const bool before = at[d] > 0 && weight[k - stride[d]] != 0;
      const bool after = at[d] + 1 < n[d] && weight[k + stride[d]] != 0;
      if (!before && !after) continue;
      const float change = value[after ? k + stride[d] : k] - value[before ? k - stride[d] : k];
      const float slope = before && after ? change / 2 : change;
      squared += slope * slope;
    }
    out[k] = std::sqrt(squared);
  }
}

void group_spread(const SampleSet& s, const Tile& tile, float* out) {
  for (uint32_t k = 0; k < tile.count; k += 16) {
    const float *value = &s.value[tile.begin + k], *weight = &s.weight[tile.begin + k];
    float n = 0, mean = 0, squared = 0;
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
    s.rows ? rows_gradient(s, tile, o) : group_spread(s, tile, o);
    for (uint32_t k = 0; k < tile.count; k++) sums[t] += o[k] = power_5_8(o[k]) * s.weight[tile.begin + k];
  });
  double total = 0;
  for (const double x : sums) total += x;
  const double mean = s.finite > 0 ? total / static_cast<double>(s.finite) : 0;
  const auto uniform = static_cast<float>(mean > 0 ? mean * 0.25 : 1);
  parallel_for(s.tiles.size(), [&](size_t t) {
    const Tile& tile = s.tiles[t];
    for (uint32_t k = tile.begin; k < tile.begin + tile.count; k++)
      out[k] = s.weight[k] * (0.75f * out[k] + uniform);
  });
  return out;
}

}  // namespace gaussitu
