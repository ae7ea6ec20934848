// Which values belong to other blocks, or to none: fields named vtkGhostType (VTK's bits) or ascent_ghosts (0
// real, 1 ghost, 2 garbage). Whole outer layers of cells of a grid become its ghost layers; anything else
// becomes marks.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "mesh_input.hpp"

namespace gaussitu::catalyst {

struct GhostInput {
  std::optional<ArrayView> nodes, cells;
};

struct Ghosts {
  int64_t layers[6] = {0, 0, 0, 0, 0, 0};  // grids: xlo, xhi, ylo, …
  std::vector<uint8_t> nodes, cells;       // marks; empty: none
};

bool is_ghost_field(const std::string& name);
/// The ghost fields of a topology. Refuses those that do not fit it.
GhostInput read_ghosts(const Node& mesh, const std::string& topology, const MeshInput& input);
uint64_t fingerprint(uint64_t seed, const GhostInput& ghosts);

/// Marks of cells also mark the nodes that only such cells have. `connectivity`, `offsets`: of unstructured
/// meshes.
template <class Index>
Ghosts find_ghosts(const GhostInput& input, const MeshInput& mesh, const std::vector<Index>& connectivity,
                   const std::vector<Index>& offsets);

}  // namespace gaussitu::catalyst
