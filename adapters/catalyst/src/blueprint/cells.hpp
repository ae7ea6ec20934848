// Cells as native/client takes them: connectivity, offsets, VTK types, and the faces of polyhedra.
#pragma once
#include <cstdint>
#include <vector>

#include "mesh_input.hpp"

namespace gaussitu::catalyst {

template <class Index>
struct Cells {
  std::vector<Index> connectivity, offsets;  // offsets: [cells + 1]
  std::vector<uint8_t> types;
  std::vector<Index> faces, face_offsets;  // with polyhedra only; see gaussitu_define_faces
};

/// 32 bits do when the simulation's own indices have no more and their number does not need more.
bool fits_32_bits(const MeshInput& mesh);

/// Index: int32_t or int64_t. Refuses rows that lie outside their connectivity.
template <class Index>
Cells<Index> build_cells(const MeshInput& mesh);

}  // namespace gaussitu::catalyst
