// A topology of Mesh Blueprint with its coordinates, as read from the nodes: what there is and where, nothing
// copied.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "array.hpp"
#include "node.hpp"

namespace gaussitu::catalyst {

enum class MeshKind { uniform, rectilinear, curvilinear, unstructured, points };

/// Cells of one shape, or of several (`shapes`), or faces of polyhedra.
struct CellGroup {
  std::string shape;
  ArrayView connectivity;
  std::optional<ArrayView> sizes, offsets;  // polygonal, polyhedral, mixed
  std::optional<ArrayView> shapes;          // mixed: a number per cell
  std::map<int64_t, uint8_t> types;         // mixed: VTK type by that number
  int64_t count = 0;                        // cells
  std::string path;
};

struct MeshInput {
  MeshKind kind = MeshKind::points;
  gaussitu_grid grid{};            // grids
  double origin[3] = {0, 0, 0};    // uniform
  double spacing[3] = {1, 1, 1};   // uniform
  std::vector<ArrayView> coords;   // rectilinear: axes; else one array per component, 1 to 3
  std::optional<Pick> pick;        // curvilinear: nodes within larger arrays
  std::vector<CellGroup> cells;    // unstructured
  std::optional<CellGroup> faces;  // unstructured with polyhedra
  int64_t nodes = 0, cell_count = 0;
};

/// `mesh` has coordsets and topologies; `topology` is one of the latter. Refuses what is missing, of a wrong
/// type, or does not fit together.
MeshInput read_topology(const Node& mesh, const Node& topology);
/// The unstructured part of it.
void read_cells(const Node& topology, MeshInput& out);

/// Tells meshes apart by everything that read_topology took in, contents included; not by where it lies.
uint64_t fingerprint(const MeshInput& mesh);

/// VTK's number and the number of nodes of a Blueprint shape; nodes 0: as many as each cell has. Refuses
/// others.
struct Shape {
  uint8_t type;
  int nodes;
};
Shape shape_of(const std::string& name, const std::string& path);

constexpr uint8_t kPolyhedron = 42;

}  // namespace gaussitu::catalyst
