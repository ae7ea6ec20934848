// Where the values of a field sit: world positions of a mesh's nodes or cells, ghost layers left out.
#pragma once
#include <array>
#include <vector>

#include "base/views.hpp"

namespace gaussitu {

/// The values of a grid: `all` as they come in the array, `inner` without ghost layers, x fastest. A mesh
/// that is no grid is a grid of [n, 1, 1].
struct MeshShape {
  std::array<size_t, 3> all{0, 1, 1}, inner{0, 1, 1}, low{0, 0, 0};  // low: ghost layers before the first
  size_t total() const { return inner[0] * inner[1] * inner[2]; }
  size_t values() const { return all[0] * all[1] * all[2]; }
  /// Index in the array with ghosts of value (i, j, k) of the inner grid.
  size_t source(size_t i, size_t j, size_t k) const {
    return ((k + low[2]) * all[1] + j + low[1]) * all[0] + i + low[0];
  }
};

/// Throws invalid_argument where dims, ghosts, indices or array sizes do not fit together; checks everything
/// that the functions below read.
MeshShape check_mesh(const MeshView& mesh, Association association);

/// World coordinates [total] per axis; a cell sits at the mean of its distinct nodes. Throws invalid_argument
/// for coordinates that are not finite.
std::array<std::vector<double>, 3> world_points(const MeshView& mesh, Association association,
                                                const MeshShape& shape);

/// The same for each axis of a uniform or rectilinear grid: [inner] world coordinates per axis.
std::array<std::vector<double>, 3> world_axes(const MeshView& mesh, Association association,
                                              const MeshShape& shape);

/// Uniform grids: world position of the inner value (0, 0, 0).
std::array<double, 3> first_value(const MeshView& mesh, Association association, const MeshShape& shape);

}  // namespace gaussitu
