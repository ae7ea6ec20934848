#include "residual/neighbours.hpp"

#include <algorithm>

#include "base/thread_pool.hpp"
#include "residual/elimination.hpp"
#include "residual/local_fit.hpp"

namespace gaussitu {

namespace {

/// Its strongest links, nearest first: in thin cells the first are then always those across the layer.
size_t choose(std::span<const double> xyz, uint32_t point, std::span<const Link> links, uint32_t* near,
              float* mean) {
  struct Choice {
    double distance2;
    Link link;
  } chosen[kNeighbours] = {};
  const size_t count = std::min(links.size(), kNeighbours);
  double sum = 0;
  for (size_t j = 0; j < count; j++) {
    double d2 = 0;
    for (size_t k = 0; k < 3; k++) {
      const double d = xyz[3 * size_t{links[j].to} + k] - xyz[3 * size_t{point} + k];
      d2 += d * d;
    }
    size_t at = j;
    for (; at > 0 && (d2 != chosen[at - 1].distance2 ? d2 < chosen[at - 1].distance2
                                                     : links[j].to < chosen[at - 1].link.to);
         at--)
      chosen[at] = chosen[at - 1];
    chosen[at] = {d2, links[j]};
    sum += links[j].strength;
  }
  for (size_t j = 0; j < kNeighbours; j++) {
    near[j] = chosen[j < count ? j : 0].link.to;
    mean[j] = j < count ? static_cast<float>(chosen[j].link.strength / sum) : 0;
  }
  return count;
}

}  // namespace

NeighbourPlan plan_neighbours(std::span<const double> xyz, const MeshGraph& graph) {
  const size_t n = xyz.size() / 3;
  Elimination elimination = eliminate(xyz, graph);
  NeighbourPlan plan;
  plan.order = std::move(elimination.order);
  plan.levels = std::move(elimination.levels);
  if (n == 0) return plan;
  plan.neighbours.resize(n * kNeighbours);
  for (auto* weights : {&plan.mean, &plan.linear, &plan.slope[0], &plan.slope[1], &plan.slope[2]})
    weights->assign(n * kNeighbours, 0);
  const size_t first = plan.levels[1];
  constexpr size_t kBatch = 2048;
  parallel_for((n - first + kBatch - 1) / kBatch, [&](size_t batch) {
    const size_t begin = first + batch * kBatch;
    for (size_t at = begin; at < std::min(n, begin + kBatch); at++) {
      const uint32_t point = plan.order[at];
      const size_t row = at * kNeighbours;
      const size_t count =
          choose(xyz, point, {&elimination.links[size_t{point} * kMostLinks], elimination.counts[point]},
                 &plan.neighbours[row], &plan.mean[row]);
      fit_locally(xyz, point, {&plan.neighbours[row], count}, &plan.mean[row],
                  {&plan.linear[row], {&plan.slope[0][row], &plan.slope[1][row], &plan.slope[2][row]}});
    }
  });
  return plan;
}

}  // namespace gaussitu
