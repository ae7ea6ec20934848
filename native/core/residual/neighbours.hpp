// The order in which scattered points (nodes, cell centres, particles) are decoded, and what each is
// predicted from: levels of detail along a Morton curve, each level three times as large as all before it,
// and for every point its nearest neighbours among the points of earlier levels. Built once per mesh, from
// coordinates alone, by encoder and decoder alike: plain double arithmetic in a fixed order, ties broken by
// index.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gaussitu {

inline constexpr size_t kNeighbours = 8;

struct NeighbourPlan {
  std::vector<uint32_t> order;  // [points] point indices, coarsest level first
  std::vector<size_t>
      levels;  // offsets into `order`; level l is [levels[l], levels[l + 1]); level 0 is coarsest
  std::vector<uint32_t>
      neighbours;              // [points][kNeighbours] in decoding order; nearest first; level 0 has none
  std::vector<float> inverse;  // [points][kNeighbours] inverse squared distance weights, sum 1
  std::vector<float> linear;   // [points][kNeighbours] weights of the local linear fit, sum 1
};

/// `coordinates` [points, 3], finite.
NeighbourPlan plan_neighbours(std::span<const double> coordinates);

}  // namespace gaussitu
