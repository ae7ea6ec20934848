#include "residual/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/thread_pool.hpp"
#include "residual/kd_tree.hpp"

namespace gaussitu {

namespace {

constexpr size_t kCoarsest = 64;  // points on their own, at most
constexpr size_t kGrowth = 3;
constexpr int kMortonBits = 21;

uint64_t spread(uint64_t v) {  // bits to every third position
  v &= 0x1fffff;
  v = (v | v << 32) & 0x1f00000000ffffull;
  v = (v | v << 16) & 0x1f0000ff0000ffull;
  v = (v | v << 8) & 0x100f00f00f00f00full;
  v = (v | v << 4) & 0x10c30c30c30c30c3ull;
  return (v | v << 2) & 0x1249249249249249ull;
}

/// Point indices along a Morton curve of cubes.
std::vector<uint32_t> morton_order(std::span<const double> xyz, size_t n) {
  double lo[3], extent = 0;
  for (size_t k = 0; k < 3; k++) {
    double hi = lo[k] = xyz[k];
    for (size_t i = 0; i < n; i++) {
      lo[k] = std::min(lo[k], xyz[3 * i + k]);
      hi = std::max(hi, xyz[3 * i + k]);
    }
    extent = std::max(extent, hi - lo[k]);
  }
  const double scale = extent > 0 ? double((1 << kMortonBits) - 1) / extent : 0;
  std::vector<std::pair<uint64_t, uint32_t>> keys(n);
  for (size_t i = 0; i < n; i++) {
    uint64_t key = 0;
    for (size_t k = 0; k < 3; k++)
      key |= spread(static_cast<uint64_t>((xyz[3 * i + k] - lo[k]) * scale)) << k;
    keys[i] = {key, static_cast<uint32_t>(i)};
  }
  std::sort(keys.begin(), keys.end());
  std::vector<uint32_t> order(n);
  for (size_t i = 0; i < n; i++) order[i] = keys[i].second;
  return order;
}

/// Inverse-distance and local linear weights of one point.
void weigh(std::span<const double> xyz, size_t point, const Neighbour* near, float* inverse, float* linear) {
  double w[kNeighbours], sum = 0, mean = 0;
  for (size_t j = 0; j < kNeighbours; j++) {
    w[j] = 1 / (near[j].distance2 + 1e-24 + 1e-6 * near[kNeighbours - 1].distance2);
    sum += w[j];
    mean += std::sqrt(near[j].distance2);
  }
  const double scale = mean > 0 ? double(kNeighbours) / mean : 0;
  for (size_t j = 0; j < kNeighbours; j++) inverse[j] = static_cast<float>(w[j] / sum);

  // Fit a + g . x around the point, weighted; slopes damped where the neighbours do not span them. The
  // prediction is a, linear in the neighbours' values: row 0 of (X' W X)^-1 X' W.
  double m[4][4] = {}, rows[kNeighbours][4];
  for (size_t j = 0; j < kNeighbours; j++) {
    rows[j][0] = 1;
    for (size_t k = 0; k < 3; k++)
      rows[j][k + 1] = (xyz[3 * size_t{near[j].point} + k] - xyz[3 * point + k]) * scale;
    for (int a = 0; a < 4; a++)
      for (int b = 0; b < 4; b++) m[a][b] += w[j] / sum * rows[j][a] * rows[j][b];
  }
  for (int a = 1; a < 4; a++) m[a][a] += 1e-2;
  double solution[4] = {1, 0, 0, 0};  // of m s = e0, by elimination: m is positive definite
  for (int a = 0; a < 4; a++)
    for (int b = a + 1; b < 4; b++) {
      const double r = m[b][a] / m[a][a];
      for (int c = a; c < 4; c++) m[b][c] -= r * m[a][c];
      solution[b] -= r * solution[a];
    }
  for (int a = 3; a >= 0; a--) {
    for (int c = a + 1; c < 4; c++) solution[a] -= m[a][c] * solution[c];
    solution[a] /= m[a][a];
  }
  double total = 0, out[kNeighbours];
  for (size_t j = 0; j < kNeighbours; j++) {
    out[j] = 0;
    for (int a = 0; a < 4; a++) out[j] += solution[a] * rows[j][a];
    out[j] *= w[j] / sum;
    total += out[j];
  }
  for (size_t j = 0; j < kNeighbours; j++) linear[j] = static_cast<float>(out[j] / total);
}

}  // namespace

NeighbourPlan plan_neighbours(std::span<const double> xyz) {
  NeighbourPlan plan;
  const size_t n = xyz.size() / 3;
  plan.levels.push_back(0);
  if (n == 0) return plan;
  const std::vector<uint32_t> curve = morton_order(xyz, n);
  size_t stride = 1;
  while ((n + stride - 1) / stride > kCoarsest) stride *= kGrowth;
  plan.order.reserve(n);
  for (size_t i = 0; i < n; i += stride) plan.order.push_back(curve[i]);
  plan.levels.push_back(n == 0 ? 0 : plan.order.size());
  for (; stride > 1; stride /= kGrowth) {
    for (size_t i = 0; i < n; i += stride / kGrowth)
      if (i % stride != 0) plan.order.push_back(curve[i]);
    plan.levels.push_back(plan.order.size());
  }

  plan.neighbours.resize(n * kNeighbours);
  plan.inverse.resize(n * kNeighbours);
  plan.linear.resize(n * kNeighbours);
  for (size_t level = 1; level + 1 < plan.levels.size(); level++) {
    const size_t begin = plan.levels[level], end = plan.levels[level + 1];
    const KdTree tree(xyz, {plan.order.begin(), plan.order.begin() + std::ptrdiff_t(begin)});
    constexpr size_t kBatch = 2048;
    parallel_for((end - begin + kBatch - 1) / kBatch, [&](size_t batch) {
      for (size_t i = begin + batch * kBatch; i < std::min(end, begin + (batch + 1) * kBatch); i++) {
        Neighbour near[kNeighbours];
        tree.nearest(&xyz[3 * size_t{plan.order[i]}], near);
        for (size_t j = 0; j < kNeighbours; j++) plan.neighbours[i * kNeighbours + j] = near[j].point;
        weigh(xyz, plan.order[i], near, &plan.inverse[i * kNeighbours], &plan.linear[i * kNeighbours]);
      }
    });
  }
  return plan;
}

}  // namespace gaussitu
