#include "model/reach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/thread_pool.hpp"

namespace gaussitu {
namespace {

// Half extents of the ellipsoid |A d|^2 <= 8 along the axes: sqrt(8 (A^-1 A^-T)_kk), a little enlarged.
std::array<double, 3> half_extents(const Model& m, size_t i) {
  const double a00 = m.a[0][i], a01 = m.a[1][i], a02 = m.a[2][i], a11 = m.a[3][i], a12 = m.a[4][i],
               a22 = m.a[5][i];
  const double i00 = 1 / a00, i11 = 1 / a11, i22 = 1 / a22;
  const double i01 = -a01 * i00 * i11, i12 = -a12 * i11 * i22,
               i02 = (a01 * a12 - a02 * a11) * i00 * i11 * i22;
  const double r = std::sqrt(double{kSupport2}) * 1.001;
  return {r * std::sqrt(i00 * i00 + i01 * i01 + i02 * i02), r * std::sqrt(i11 * i11 + i12 * i12),
          r * std::fabs(i22)};
}

}  // namespace

double distance_bound(const Model& m, size_t i, const float lo[3], const float hi[3]) {
  const double a[6] = {m.a[0][i], m.a[1][i], m.a[2][i], m.a[3][i], m.a[4][i], m.a[5][i]};
  // P = A^T A, and the point of the box that is nearest in its metric, by coordinate descent.
  const double p[3][3] = {{a[0] * a[0], a[0] * a[1], a[0] * a[2]},
                          {a[0] * a[1], a[1] * a[1] + a[3] * a[3], a[1] * a[2] + a[3] * a[4]},
                          {a[0] * a[2], a[1] * a[2] + a[3] * a[4], a[2] * a[2] + a[4] * a[4] + a[5] * a[5]}};
  double l[3], h[3], d[3];
  for (int k = 0; k < 3; k++) {
    l[k] = lo[k] - double{m.mu[k][i]};
    h[k] = hi[k] - double{m.mu[k][i]};
    d[k] = std::clamp(0.0, l[k], h[k]);
  }
  for (int sweep = 0; sweep < 4; sweep++)
    for (int k = 0; k < 3; k++) {
      const int u = (k + 1) % 3, v = (k + 2) % 3;
      d[k] = std::clamp(-(p[k][u] * d[u] + p[k][v] * d[v]) / p[k][k], l[k], h[k]);
    }
  // Whatever d is, |A x| >= (A d . A x) / |A d| for every x, and the least of the right side over the box is
  // a sum of per-axis extremes. This certifies the bound even where the descent has not converged.
  double n[3], norm2 = 0, least = 0, size = 0;
  for (int k = 0; k < 3; k++) {
    n[k] = p[k][0] * d[0] + p[k][1] * d[1] + p[k][2] * d[2];
    norm2 += n[k] * d[k];
    least += n[k] * (n[k] > 0 ? l[k] : h[k]);
  }
  if (!(norm2 > 0) || least <= 0) return 0;
  // Rounding of t in single precision: a few units in the last place of the largest partial sum.
  const double far[3] = {std::max(std::fabs(l[0]), std::fabs(h[0])),
                         std::max(std::fabs(l[1]), std::fabs(h[1])),
                         std::max(std::fabs(l[2]), std::fabs(h[2]))};
  size = std::fabs(a[0]) * far[0] + (std::fabs(a[1]) + std::fabs(a[3])) * far[1] +
         (std::fabs(a[2]) + std::fabs(a[4]) + std::fabs(a[5])) * far[2];
  const double bound = std::max(0.0, least / std::sqrt(norm2) - 1e-6 * size);
  return bound * bound * (1 - 1e-6);
}

TileTree::TileTree(const SampleSet& samples) : tiles_(samples.tiles.size()) {
  while (leaves_ < tiles_) leaves_ *= 2;
  constexpr float inf = std::numeric_limits<float>::infinity();
  boxes_.assign(2 * leaves_, {{inf, inf, inf}, {-inf, -inf, -inf}});
  for (size_t i = 0; i < tiles_; i++)
    for (int k = 0; k < 3; k++) {
      boxes_[leaves_ + i].lo[k] = samples.tiles[i].lo[k];
      boxes_[leaves_ + i].hi[k] = samples.tiles[i].hi[k];
    }
  for (size_t i = leaves_ - 1; i > 0; i--)
    for (int k = 0; k < 3; k++) {
      boxes_[i].lo[k] = std::min(boxes_[2 * i].lo[k], boxes_[2 * i + 1].lo[k]);
      boxes_[i].hi[k] = std::max(boxes_[2 * i].hi[k], boxes_[2 * i + 1].hi[k]);
    }
}

void TileTree::find(const Model& model, size_t i, std::vector<uint32_t>& out) const {
  const auto half = half_extents(model, i);
  const auto touches = [&](const Box& b) {
    for (int k = 0; k < 3; k++) {
      const double mu = model.mu[k][i];
      // Written so that a NaN extent keeps the tile.
      if (b.hi[k] < mu - half[k] || b.lo[k] > mu + half[k]) return false;
    }
    return b.lo[0] <= b.hi[0];
  };
  size_t stack[64], depth = 0;
  stack[depth++] = 1;
  while (depth > 0) {
    const size_t node = stack[--depth];
    const Box& box = boxes_[node];
    if (!touches(box)) continue;
    if (node < leaves_) {
      stack[depth++] = 2 * node + 1;
      stack[depth++] = 2 * node;
    } else if (distance_bound(model, i, box.lo, box.hi) < kSupport2) {
      out.push_back(static_cast<uint32_t>(node - leaves_));
    }
  }
}

Reach find_reach(const Model& model, const TileTree& tree, size_t tiles) {
  constexpr size_t kChunk = 256;
  const size_t count = model.count(), chunks = (count + kChunk - 1) / kChunk;
  std::vector<std::vector<uint32_t>> found(chunks);
  Reach reach;
  reach.tiles.starts.assign(count + 1, 0);
  parallel_for(chunks, [&](size_t c) {
    for (size_t i = c * kChunk; i < std::min(count, (c + 1) * kChunk); i++) {
      const size_t before = found[c].size();
      tree.find(model, i, found[c]);
      reach.tiles.starts[i + 1] = static_cast<uint32_t>(found[c].size() - before);
    }
  });
  for (size_t i = 0; i < count; i++) reach.tiles.starts[i + 1] += reach.tiles.starts[i];
  reach.tiles.items.reserve(reach.tiles.starts[count]);
  for (const auto& part : found) reach.tiles.items.insert(reach.tiles.items.end(), part.begin(), part.end());

  auto& starts = reach.gaussians.starts;
  starts.assign(tiles + 1, 0);
  for (const uint32_t t : reach.tiles.items) starts[t + 1]++;
  for (size_t t = 0; t < tiles; t++) starts[t + 1] += starts[t];
  reach.gaussians.items.resize(reach.tiles.items.size());
  std::vector<uint32_t> next(starts.begin(), starts.end() - 1);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < reach.tiles.size(i); k++)
      reach.gaussians.items[next[reach.tiles.begin(i)[k]]++] = static_cast<uint32_t>(i);
  return reach;
}

GaussianView view(const Model& m) {
  GaussianView g;
  for (int k = 0; k < 3; k++) g.mu[k] = m.mu[k].data();
  for (int k = 0; k < 6; k++) g.a[k] = m.a[k].data();
  g.v = m.v.data();
  return g;
}

TileView view(const SampleSet& s, const Tile& tile) {
  TileView t{s.x.data() + tile.begin,
             s.y.data() + tile.begin,
             s.z.data() + tile.begin,
             tile.begin,
             tile.count,
             s.rows,
             {tile.lo[0], tile.lo[1], tile.lo[2]},
             1};
  if (s.rows) t.ny = static_cast<uint32_t>(tile.hi[1] - tile.lo[1]) + 1;
  return t;
}

}  // namespace gaussitu
