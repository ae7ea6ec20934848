// In which order scattered points are coded, and which earlier points surround each: points are taken out of
// their graph round by round, as in Gaussian elimination of its Laplacian, and coded in the reverse order.
// No two points of a round are linked, so all that surrounds a point is known when its turn comes; whoever
// the graph says is close is close, however thin, stretched or curved the cells are.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "residual/mesh_graph.hpp"

namespace gaussitu {

inline constexpr size_t kMostLinks = 12;

/// Strength is a conductance: of a harmonic function the value at a point is the mean of those it is linked
/// to, by strength.
struct Link {
  float strength;
  uint32_t to;
};

struct Elimination {
  std::vector<uint32_t> order;  // points, coarsest level first
  std::vector<size_t> levels;   // offsets into `order`; level l is [levels[l], levels[l + 1])
  std::vector<Link> links;      // [points][kMostLinks] when the point was taken out, strongest first
  std::vector<uint8_t> counts;  // [points] how many of them
};

/// `coordinates` [points, 3], finite; `graph` of the mesh, or empty: then nearest points are linked.
Elimination eliminate(std::span<const double> coordinates, const MeshGraph& graph);

}  // namespace gaussitu
