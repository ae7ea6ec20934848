// Where the values of a block sit for the error-bounded coder: on a grid (structured coder), or scattered
// (neighbour plan, from the mesh's connectivity where it has one). Points that fill a tensor-product lattice
// - cell centres of graded hexahedra, rectilinear samples sent as points - are put in lattice order and coded
// as the grid that they are.
//   Built once per mesh and association, from the mesh alone, by encoder and decoder alike.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/views.hpp"
#include "residual/grid_pass.hpp"
#include "residual/neighbours.hpp"
#include "sample/mesh_points.hpp"
#include "sample/sample_set.hpp"

namespace gaussitu {

enum class LayoutKind : uint8_t { grid = 0, lattice = 1, scattered = 2 };

struct Layout {
  LayoutKind kind = LayoutKind::grid;
  MeshShape values;             // how the array is laid out, ghost layers and all
  GridShape grid;               // grid and lattice: values per axis; scattered: [n, 1, 1]
  std::vector<uint32_t> order;  // lattice: order[lattice index] is the index in the array; else empty
  NeighbourPlan plan;           // scattered
  MeshView mesh;                // uniform grids: all of it
  Association association = Association::node;
  std::shared_ptr<const SampleSet> placed;  // other meshes: positions without values, for models

  size_t size() const { return values.total(); }
};

/// Where a model is evaluated, in its coordinates: all values, in array order (SampleSet::source). Null for
/// values without a known place. Uniform grids are laid out anew by every call, others once with the layout.
std::shared_ptr<const SampleSet> positions(const Layout& layout);

/// Throws invalid_argument as check_mesh does.
std::shared_ptr<const Layout> make_layout(const MeshView& mesh, Association association);

/// Values without a known place, [count]: coded along their order in the array.
std::shared_ptr<const Layout> make_layout(size_t count);

}  // namespace gaussitu
