// Places in the coordinates of an existing model: what decoding evaluates a model at. Those of a grid are
// kept per axis.
#pragma once
#include <array>
#include <vector>

#include "base/views.hpp"
#include "model/model.hpp"
#include "sample/mesh_points.hpp"

namespace gaussitu {

/// A part of a grid of values without ghost layers: [first, last) along each axis.
struct IndexBox {
  std::array<size_t, 3> first, last;
};

/// A grid's places are all combinations of `axes`, x fastest; else there is one for each entry of `axes`, or,
/// of a mesh that is nothing but points, of the caller's array, which is borrowed.
struct Places {
  bool grid = false;
  std::array<std::vector<float>, 3> axes;  // model units
  ArrayView points;                        // [n, 3] world units
  Domain domain;

  size_t total() const {
    if (grid) return axes[0].size() * axes[1].size() * axes[2].size();
    return points.data ? points.count / 3 : axes[0].size();
  }
  /// Of other places than a grid's: model units. Throws invalid_argument where it is not finite or too far
  /// away.
  std::array<float, 3> point(size_t i) const;
};

/// The places of a mesh's values, all or those of `box` (uniform, rectilinear and curvilinear grids), at
/// exactly the coordinates that a model of that mesh was measured at. Throws invalid_argument.
Places find_places(const Domain& domain, const MeshView& mesh, Association association,
                   const IndexBox* box = nullptr);

/// One world coordinate in model units, in single precision. Throws invalid_argument when it is not finite or
/// too far away.
float to_model(const Domain& domain, int axis, double world);

/// Whether a uniform grid's values lie on whole model coordinates, one apart, from `at` on: then these are
/// what counts, and training cuts them into columns, unless that wastes too many lanes.
bool on_whole_coordinates(const MeshView& mesh, const MeshShape& shape, const std::array<double, 3>& first,
                          const Domain& domain, std::array<double, 3>& at);

}  // namespace gaussitu
