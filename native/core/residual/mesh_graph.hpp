// Which points are neighbours before any is coded.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/views.hpp"

namespace gaussitu {

/// Neighbours of each point in compressed rows: of point i, to[first[i]] ... to[first[i + 1]].
struct MeshGraph {
  std::vector<uint64_t> first;  // [points + 1]
  std::vector<uint32_t> to;
};

/// The graph of a checked mesh's connectivity: nodes that an edge of a cell joins, or cells that share a
/// face: three nodes or more, flat cells two, lines one. Empty for meshes without cells. The mesh must have
/// passed check_mesh for cells.
MeshGraph connectivity_graph(const MeshView& mesh, Association association);

}  // namespace gaussitu
