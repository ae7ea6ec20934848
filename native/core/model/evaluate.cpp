#include "model/evaluate.hpp"

#include <algorithm>
#include <cmath>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "model/evaluate_kernel.hpp"
#include "model/reach.hpp"

namespace gaussitu {

void evaluate(const Model& model, const SampleSet& samples, float* out, float* cover) {
  evaluate(model, samples, TileTree(samples), out, cover);
}

void evaluate(const Model& model, const SampleSet& samples, const TileTree& tree, float* out, float* cover) {
  const Reach reach = find_reach(model, tree);
  std::vector<Gaussian> gaussians;
  views(model, gaussians);
  const auto kernel = GAUSSITU_DISPATCH(evaluate_tile);
  parallel_for(samples.tiles.size(), [&](size_t t) {
    const Tile& tile = samples.tiles[t];
    kernel(gaussians.data(), reach.gaussians.begin(t), reach.gaussians.size(t), view(samples, tile),
           kBackground * model.mean, out + tile.begin, cover ? cover + tile.begin : nullptr);
  });
}

float evaluate_reference(const Model& m, float x, float y, float z, float* cover) {
  float n = kBackground * m.mean, d = kBackground, sum = 0;
  for (size_t i = 0; i < m.count(); i++) {
    const float dx = x - m.mu[0][i], dy = y - m.mu[1][i], dz = z - m.mu[2][i];
    const float t2 = m.a[5][i] * dz;
    const float t1 = std::fma(m.a[3][i], dy, m.a[4][i] * dz);
    const float t0 = std::fma(m.a[0][i], dx, std::fma(m.a[1][i], dy, m.a[2][i] * dz));
    const float d2 = std::fma(t0, t0, std::fma(t1, t1, t2 * t2));
    const float q = std::max(0.0f, std::fma(d2, -0.125f, 1.0f));
    const float w = (q * q) * (q * q);
    n = std::fma(w, m.v[i], n);
    d += w;
    sum += w;
  }
  if (cover) *cover = sum;
  return n / d;
}

double unscale(const Model& model, float f) {
  return std::fma(model.value_range, double{f}, model.value_min);
}

}  // namespace gaussitu
