// What an unstructured mesh says between its nodes and around itself: more points to train on.
//
// A model that sees nodes or cell centres alone is free in between, and the more so the more Gaussians it
// has. Points inside cells tie it to what the mesh means: linear shape functions of nodal values, the cell's
// own value throughout the cell. Points outside show where the domain ends.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "base/views.hpp"

namespace gaussitu {

/// World coordinates per axis, and the field there (empty for points outside).
struct CellPoints {
  std::array<std::vector<double>, 3> at;
  std::vector<double> value;
  size_t count() const { return at[0].size(); }
};

/// About `wanted` seeded points inside the cells, as many in each as chance has it: dense where the mesh is.
/// Tetrahedra, hexahedra, voxels, wedges, pyramids, triangles and quadrilaterals; other cells, and cells of a
/// value that is not finite, give none. The mesh must have passed check_mesh() for cells.
CellPoints points_inside(const MeshView& mesh, Association association, const ArrayView& values,
                         size_t wanted);

/// At most `wanted` seeded points near the mesh that lie in none of its cells: centres of voxels of about
/// the mean cell's size that no cell's bounding box touches, two voxels from one that is touched at most.
CellPoints points_outside(const MeshView& mesh, size_t wanted);

}  // namespace gaussitu
