#include "train/resize_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/thread_pool.hpp"
#include "model/reach.hpp"
#include "train/pass_fit.hpp"

namespace gaussitu {
namespace {

// Keeps the Gaussians [kept] listed, in their order.
void keep(Model& m, const std::vector<size_t>& kept) {
  const auto gather = [&](auto& v) {
    if (v.empty()) return;
    for (size_t i = 0; i < kept.size(); i++) v[i] = v[kept[i]];
    v.resize(kept.size());
  };
  for (auto& v : m.mu) gather(v);
  for (auto& v : m.a) gather(v);
  gather(m.v);
  gather(m.origin);
}

void shrink(Model& model, const std::vector<float>& cost, size_t count) {
  std::vector<size_t> order(model.count());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return cost[a] > cost[b] || (cost[a] == cost[b] && a < b); });
  order.resize(count);
  std::sort(order.begin(), order.end());
  keep(model, order);
}

struct Place {
  double squared = 0;   // summed error
  float worst = -1;     // the largest error
  uint32_t sample = 0;  // and where
};

// The worst sample of each group of neighbours: a cube of `side` on grids, sixteen neighbours elsewhere.
std::vector<Place> worst_places(const SampleSet& s, const std::vector<float>& e, uint32_t side) {
  std::vector<std::vector<Place>> found(s.tiles.size());
  parallel_for(s.tiles.size(), [&](size_t t) {
    const Tile& tile = s.tiles[t];
    const auto consider = [&](Place& p, uint32_t at) {
      if (!(s.weight[at] > 0)) return;
      const float size = std::fabs(e[at]);
      p.squared += double{size} * size;
      if (size > p.worst) {
        p.worst = size;
        p.sample = at;
      }
    };
    if (s.columns) {
      const uint32_t n[3] = {(tile.n[0] - 1) / side + 1, (tile.n[1] - 1) / side + 1,
                             (tile.n[2] - 1) / side + 1};
      found[t].resize(size_t{n[0]} * n[1] * n[2]);
      for (uint32_t k = 0; k < tile.n[2]; k++)
        for (uint32_t j = 0; j < tile.n[1]; j++)
          for (uint32_t i = 0; i < tile.n[0]; i++)
            consider(found[t][(k / side * n[1] + j / side) * n[0] + i / side], s.at(tile, i, j, k));
    } else {
      found[t].resize(tile.count / 16);
      for (uint32_t k = 0; k < tile.count; k++) consider(found[t][k / 16], tile.begin + k);
    }
    std::erase_if(found[t], [](const Place& p) { return !(p.worst > 0); });
  });
  std::vector<Place> all;
  for (const auto& f : found) all.insert(all.end(), f.begin(), f.end());
  return all;
}

// Weight of Gaussian i at a sample, near enough to compare.
float weight_at(const Model& m, size_t i, float x, float y, float z) {
  const float dx = x - m.mu[0][i], dy = y - m.mu[1][i], dz = z - m.mu[2][i];
  const float t2 = m.a[5][i] * dz, t1 = m.a[3][i] * dy + m.a[4][i] * dz,
              t0 = m.a[0][i] * dx + m.a[1][i] * dy + m.a[2][i] * dz;
  return 1 - (t0 * t0 + t1 * t1 + t2 * t2) / 8;
}

size_t tile_of(const SampleSet& s, uint32_t sample) {
  const auto after = std::upper_bound(s.tiles.begin(), s.tiles.end(), sample,
                                      [](uint32_t k, const Tile& t) { return k < t.begin; });
  return static_cast<size_t>(after - s.tiles.begin()) - 1;
}

// New Gaussians are narrower copies of the one that is strongest there: right in scale and direction on
// graded meshes too. Where none reaches, a round one of the mean spacing of Gaussians.
void add(Model& model, const SampleSet& s, const Reach& reach, uint32_t sample) {
  constexpr float kNarrower = 1.7f;
  const float x = s.x[sample], y = s.y[sample], z = s.z[sample];
  const size_t t = tile_of(s, sample), n = model.count();
  size_t strongest = n;
  float most = 0;
  for (size_t k = 0; k < reach.gaussians.size(t); k++) {
    const size_t i = reach.gaussians.begin(t)[k];
    const float w = weight_at(model, i, x, y, z);
    if (w > most) {
      most = w;
      strongest = i;
    }
  }
  model.resize(n + 1);
  model.mu[0][n] = x;
  model.mu[1][n] = y;
  model.mu[2][n] = z;
  model.v[n] = s.value[sample];
  const float round = 1.7f / std::cbrt(static_cast<float>(s.finite) / static_cast<float>(n + 1));
  for (int k = 0; k < 6; k++)
    model.a[k][n] = strongest < n ? kNarrower * model.a[k][strongest] : (k == 0 || k == 3 || k == 5) * round;
}

void grow(Model& model, const SampleSet& samples, size_t count, Fit& fit) {
  const TileTree tree(samples);
  while (model.count() < count) {
    const size_t wanted = count - model.count();
    const std::vector<float> residuals = fit.residuals(model);
    std::vector<Place> places;
    // Small enough boxes that there are two for each new Gaussian, if the samples allow it.
    for (const uint32_t side : {8, 4, 2, 1}) {
      places = worst_places(samples, residuals, side);
      if (places.size() >= 2 * wanted || !samples.columns) break;
    }
    if (places.empty()) return;
    std::stable_sort(places.begin(), places.end(),
                     [](const Place& a, const Place& b) { return a.squared > b.squared; });
    places.resize(std::min(wanted, places.size()));
    // In the order of the tiles: near in the model is near in memory.
    std::sort(places.begin(), places.end(),
              [](const Place& a, const Place& b) { return a.sample < b.sample; });
    const Reach reach = find_reach(model, tree);
    for (const Place& place : places) add(model, samples, reach, place.sample);
  }
}

}  // namespace

void resize_model(Model& model, const SampleSet& samples, size_t count, Fit& fit) {
  count = std::min(count, samples.finite);
  if (count < model.count()) shrink(model, fit.costs(model), count);
  if (count > model.count() && samples.value_range > 0) grow(model, samples, count, fit);
}

void resize_model(Model& model, const SampleSet& samples, size_t count) {
  PassFit fit(samples);
  resize_model(model, samples, count, fit);
}

}  // namespace gaussitu
