// The order in which scattered points (nodes, cells, particles) are coded, and what each is predicted from:
// levels of detail, and for every point its closest ones among those of earlier levels, with weights. Built
// once per mesh, by encoder and decoder alike: plain double arithmetic in a fixed order, ties broken by
// index.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "residual/mesh_graph.hpp"

namespace gaussitu {

inline constexpr size_t kNeighbours = 8;

struct NeighbourPlan {
  std::vector<uint32_t> order;  // [points] point indices, coarsest level first
  std::vector<size_t>
      levels;  // offsets into `order`; level l is [levels[l], levels[l + 1]); level 0 is coarsest
  // [points][kNeighbours] in decoding order; level 0 has none. Nearest first; what is missing repeats the
  // first, with weights of 0.
  std::vector<uint32_t> neighbours;
  std::vector<float> mean;                  // weights of the mean, sum 1: larger where a link is stronger
  std::vector<float> linear;                // weights of the local linear fit, sum 1
  std::array<std::vector<float>, 3> slope;  // weights of its slopes along x, y, z, sum 0
};

/// `coordinates` [points, 3], finite; `graph`: of the mesh's connectivity, or empty.
NeighbourPlan plan_neighbours(std::span<const double> coordinates, const MeshGraph& graph = {});

}  // namespace gaussitu
