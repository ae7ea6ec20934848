#include "model/reach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/thread_pool.hpp"
#include "sample/tile_limits.hpp"

namespace gaussitu {
namespace {

// One Gaussian's support |A d|^2 <= 8 margin^2.
class Ellipsoid {
 public:
  Ellipsoid(const Model& m, size_t i, double margin) {
    for (int k = 0; k < 3; k++) mu_[k] = m.mu[k][i];
    for (int k = 0; k < 6; k++) a_[k] = m.a[k][i];
    const double *a = a_, i00 = 1 / a[0], i11 = 1 / a[3], i22 = 1 / a[5];
    const double i01 = -a[1] * i00 * i11, i12 = -a[4] * i11 * i22,
                 i02 = (a[1] * a[4] - a[2] * a[3]) * i00 * i11 * i22;
    // Half extents along the axes: sqrt(8 (A^-1 A^-T)_kk), a little enlarged.
    support_ = kSupport2 * margin * margin;
    const double r = std::sqrt(support_) * 1.001;
    half_[0] = r * std::sqrt(i00 * i00 + i01 * i01 + i02 * i02);
    half_[1] = r * std::sqrt(i11 * i11 + i12 * i12);
    half_[2] = r * std::fabs(i22);
  }

  // Whether the boxes around the ellipsoid and of the tile overlap; written so that a NaN extent keeps it.
  bool near(const float lo[3], const float hi[3]) const {
    for (int k = 0; k < 3; k++)
      if (hi[k] < mu_[k] - half_[k] || lo[k] > mu_[k] + half_[k]) return false;
    return true;
  }

  // Whether distance_bound() of the box is within the support. Most often the point that is nearest along the
  // axes says so, for a few operations.
  bool reaches(const float lo[3], const float hi[3]) const {
    double d[3];
    for (int k = 0; k < 3; k++) d[k] = std::clamp(0.0, lo[k] - mu_[k], hi[k] - mu_[k]);
    const double t0 = a_[0] * d[0] + a_[1] * d[1] + a_[2] * d[2], t1 = a_[3] * d[1] + a_[4] * d[2],
                 t2 = a_[5] * d[2];
    return t0 * t0 + t1 * t1 + t2 * t2 < support_ || distance_bound(lo, hi) < support_;
  }

  double distance_bound(const float lo[3], const float hi[3]) const {
    double l[3], h[3], d[3];
    for (int k = 0; k < 3; k++) {
      l[k] = lo[k] - mu_[k];
      h[k] = hi[k] - mu_[k];
      d[k] = std::clamp(0.0, l[k], h[k]);
    }
    if (d[0] == 0 && d[1] == 0 && d[2] == 0) return 0;
    const double *a = a_, p01 = a[0] * a[1], p02 = a[0] * a[2], p12 = a[1] * a[2] + a[3] * a[4];
    const double p[3][3] = {{a[0] * a[0], p01, p02},  // the metric A^T A
                            {p01, a[1] * a[1] + a[3] * a[3], p12},
                            {p02, p12, a[2] * a[2] + a[4] * a[4] + a[5] * a[5]}};
    const double inverse[3] = {-1 / p[0][0], -1 / p[1][1], -1 / p[2][2]};
    // The point of the box that is nearest in the Gaussian's metric, by coordinate descent.
    for (int sweep = 0; sweep < 3; sweep++)
      for (int k = 0; k < 3; k++) {
        const int u = (k + 1) % 3, v = (k + 2) % 3;
        d[k] = std::clamp((p[k][u] * d[u] + p[k][v] * d[v]) * inverse[k], l[k], h[k]);
      }
    // Whatever d is, |A x| >= (A d . A x) / |A d| for every x, and the least of the right side over the box
    // is a sum of per-axis extremes. This certifies the bound even where the descent has not converged.
    double norm2 = 0, least = 0;
    for (int k = 0; k < 3; k++) {
      const double n = p[k][0] * d[0] + p[k][1] * d[1] + p[k][2] * d[2];
      norm2 += n * d[k];
      least += std::min(n * l[k], n * h[k]);
    }
    if (!(norm2 > 0) || least <= 0) return 0;
    // Rounding of t in single precision: a few units in the last place of the largest partial sum.
    const auto far = [&](int k) { return std::max(std::fabs(l[k]), std::fabs(h[k])); };
    const double size = std::fabs(a[0]) * far(0) + (std::fabs(a[1]) + std::fabs(a[3])) * far(1) +
                        (std::fabs(a[2]) + std::fabs(a[4]) + std::fabs(a[5])) * far(2);
    const double bound = std::max(0.0, least / std::sqrt(norm2) - 1e-6 * size);
    return bound * bound * (1 - 1e-6);
  }

 private:
  double mu_[3], a_[6], half_[3], support_;
};

}  // namespace

double distance_bound(const Model& m, size_t i, const float lo[3], const float hi[3]) {
  return Ellipsoid(m, i, 1).distance_bound(lo, hi);
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

void TileTree::find(const Model& model, size_t i, double margin, std::vector<uint32_t>& out) const {
  const Ellipsoid ellipsoid(model, i, margin);
  size_t stack[64], depth = 0;
  stack[depth++] = 1;
  while (depth > 0) {
    const size_t node = stack[--depth];
    const Box& box = boxes_[node];
    if (!(box.lo[0] <= box.hi[0]) || !ellipsoid.near(box.lo, box.hi)) continue;
    if (node < leaves_) {
      stack[depth++] = 2 * node + 1;
      stack[depth++] = 2 * node;
    } else if (ellipsoid.reaches(box.lo, box.hi)) {
      out.push_back(static_cast<uint32_t>(node - leaves_));
    }
  }
}

namespace {

// Fills the lists of tiles from those of each Gaussian, and the lists of Gaussians from them.
void assemble(const std::vector<std::vector<uint32_t>>& found, size_t tiles, Reach& reach) {
  const size_t count = found.size();
  reach.tiles.starts.resize(count + 1);
  reach.tiles.starts[0] = 0;
  for (size_t i = 0; i < count; i++)
    reach.tiles.starts[i + 1] = reach.tiles.starts[i] + static_cast<uint32_t>(found[i].size());
  reach.tiles.items.resize(reach.tiles.starts[count]);
  auto& starts = reach.gaussians.starts;
  starts.assign(tiles + 1, 0);
  for (size_t i = 0; i < count; i++) {
    std::copy(found[i].begin(), found[i].end(), reach.tiles.items.begin() + reach.tiles.starts[i]);
    for (const uint32_t t : found[i]) starts[t + 1]++;
  }
  for (size_t t = 0; t < tiles; t++) starts[t + 1] += starts[t];
  reach.gaussians.items.resize(reach.tiles.items.size());
  std::vector<uint32_t> next(starts.begin(), starts.end() - 1);
  for (size_t i = 0; i < count; i++)
    for (const uint32_t t : found[i]) reach.gaussians.items[next[t]++] = static_cast<uint32_t>(i);
}

// Whether the support of Gaussian i of `now` lies within `margin` times that of `before`: with the support's
// points x = mu + A^-1 t, |t|^2 <= 8, |A' (x - mu')| <= |A' A^-1| |t| + |A' (mu - mu')|, ' before.
bool still_within(const Model& now, const Model& before, size_t i, double margin) {
  double a[6], b[6], d[3];
  for (int k = 0; k < 6; k++) a[k] = now.a[k][i], b[k] = before.a[k][i];
  for (int k = 0; k < 3; k++) d[k] = double{now.mu[k][i]} - before.mu[k][i];
  // A' A^-1 - 1, upper triangular
  const double i00 = 1 / a[0], i11 = 1 / a[3], i22 = 1 / a[5];
  const double e00 = b[0] * i00, e11 = b[3] * i11, e22 = b[5] * i22;
  const double e01 = (b[1] - e00 * a[1]) * i11, e12 = (b[4] - e11 * a[4]) * i22;
  const double e02 = (b[2] - e00 * a[2] - e01 * a[4]) * i22;
  const double change = std::sqrt((e00 - 1) * (e00 - 1) + (e11 - 1) * (e11 - 1) + (e22 - 1) * (e22 - 1) +
                                  e01 * e01 + e02 * e02 + e12 * e12);
  const double s0 = b[0] * d[0] + b[1] * d[1] + b[2] * d[2], s1 = b[3] * d[1] + b[4] * d[2], s2 = b[5] * d[2];
  const double shift = std::sqrt(s0 * s0 + s1 * s1 + s2 * s2);
  return (1 + change) * std::sqrt(double{kSupport2}) + shift < 0.999 * margin * std::sqrt(double{kSupport2});
}

constexpr size_t kChunk = 64;

}  // namespace

Reach find_reach(const Model& model, const TileTree& tree) {
  std::vector<std::vector<uint32_t>> found(model.count());
  parallel_for((model.count() + kChunk - 1) / kChunk, [&](size_t c) {
    for (size_t i = c * kChunk; i < std::min(model.count(), (c + 1) * kChunk); i++)
      tree.find(model, i, 1, found[i]);
  });
  Reach reach;
  assemble(found, tree.tiles(), reach);
  return reach;
}

const Reach& ReachKeeper::update(const Model& model) {
  constexpr double kMargin = 1.05;
  const size_t count = model.count(), known = std::min(count, tiles_.size());
  tiles_.resize(count);
  found_for_.resize(count);
  const size_t chunks = (count + kChunk - 1) / kChunk;
  std::vector<uint8_t> changed(chunks, count != known || reach_.tiles.starts.size() != count + 1);
  parallel_for(chunks, [&](size_t c) {
    for (size_t i = c * kChunk; i < std::min(count, (c + 1) * kChunk); i++) {
      if (i < known && still_within(model, found_for_, i, kMargin)) continue;
      changed[c] = 1;
      tiles_[i].clear();
      tree_.find(model, i, kMargin, tiles_[i]);
      for (int k = 0; k < 3; k++) found_for_.mu[k][i] = model.mu[k][i];
      for (int k = 0; k < 6; k++) found_for_.a[k][i] = model.a[k][i];
    }
  });
  if (std::find(changed.begin(), changed.end(), 1) != changed.end()) assemble(tiles_, tree_.tiles(), reach_);
  return reach_;
}

namespace {

// Half of d2 at the end of the support, and more for what prepare() (model/pair.hpp) rounds in columns that
// are reached, whose middle has t1 and t2 below `t`: so it does not have to look at its terms.
float room(const Gaussian& g) {
  constexpr float kLanes = 7.5f;  // from the middle of a column to its outermost lane
  const float a11 = std::fabs(g.a[3]), a12 = std::fabs(g.a[4]), a22 = std::fabs(g.a[5]);
  const float t = 2.84f + kLanes * (a11 + a12 + a22), dz = t / a22, z1 = a12 * dz, dy = (t + z1) / a11;
  const float half = 0.5f * kSupport2 + 0.0005f + 2e-6f * t * (2 * t + 2 * z1);
  // Ends of lines, in samples, from terms up to the far end of a tile; a larger room moves them outwards.
  const float width = std::fabs(g.width), ends = std::fabs(g.shear[0]) * dy + std::fabs(g.shear[1]) * dz;
  const float slack = 1e-3f + 1e-6f * (kColumnSteps + 2 * (2 * t * width + ends));
  const float more = slack / width;
  return half + more * (0.5f * half + more);
}

}  // namespace

Gaussian view(const Model& m, size_t i) {
  Gaussian g;
  for (int k = 0; k < 3; k++) g.mu[k] = m.mu[k][i];
  for (int k = 0; k < 6; k++) g.a[k] = m.a[k][i];
  g.v = m.v[i];
  const float inverse = 1 / g.a[0];
  g.width = inverse * 0.70710678f;
  g.shear[0] = g.a[1] * inverse;
  g.shear[1] = g.a[2] * inverse;
  // t1^2 + t2^2 = yy y^2 + 2 yz y z + zz z^2, and 2 |y z| <= y^2 + z^2; a little less for rounding.
  const float yy = 0.49999f * g.a[3] * g.a[3], zz = 0.49999f * (g.a[4] * g.a[4] + g.a[5] * g.a[5]),
              yz = 0.5f * std::fabs(g.a[3] * g.a[4]);
  const bool round = yz < yy && yz < zz;
  g.bend[0] = round ? yy - yz : 0;
  g.bend[1] = round ? zz - yz : 0;
  g.room = room(g);
  return g;
}

void views(const Model& m, std::vector<Gaussian>& out) {
  out.resize(m.count());
  parallel_for((m.count() + kChunk - 1) / kChunk, [&](size_t c) {
    for (size_t i = c * kChunk; i < std::min(m.count(), (c + 1) * kChunk); i++) out[i] = view(m, i);
  });
}

TileView view(const SampleSet& s, const Tile& tile) {
  TileView t{};
  t.x = s.x.data() + tile.begin;
  t.y = s.y.data() + tile.begin;
  t.z = s.z.data() + tile.begin;
  t.begin = tile.begin;
  t.count = tile.count;
  t.whole = tile.whole;
  t.columns = s.columns;
  t.lanes_y = s.columns ? s.lanes_y : 1;
  t.lanes_z = 16 / t.lanes_y;
  if (s.columns) {
    for (int k = 0; k < 3; k++) t.corner[k] = tile.lo[k] + s.shift[k];
    t.steps = tile.n[0];
    t.across[0] = (tile.n[1] + s.lanes_y - 1) / s.lanes_y;
    t.across[1] = (tile.n[2] + t.lanes_z - 1) / t.lanes_z;
    for (uint32_t z = 0; z < t.across[1]; z++) t.all |= ((1u << t.across[0]) - 1) << (4 * z);
  } else {
    for (int k = 0; k < 6; k++) t.boxes[k] = s.boxes[k].data() + tile.begin / 16;
  }
  return t;
}

}  // namespace gaussitu
