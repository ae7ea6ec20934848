// Cells of an unstructured topology: one shape, several after each other, mixed, polygons, polyhedra.
#include <array>
#include <utility>

#include "mesh_input.hpp"
#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

constexpr std::pair<const char*, Shape> kShapes[] = {{"point", {1, 1}},
                                                     {"line", {3, 2}},
                                                     {"tri", {5, 3}},
                                                     {"quad", {9, 4}},
                                                     {"tet", {10, 4}},
                                                     {"hex", {12, 8}},
                                                     {"wedge", {13, 6}},
                                                     {"pyramid", {14, 5}},
                                                     {"polygonal", {7, 0}},
                                                     {"polygon", {7, 0}},
                                                     {"vertex", {1, 1}},
                                                     {"polyhedral", {kPolyhedron, 0}},
                                                     {"polyhedron", {kPolyhedron, 0}}};

std::optional<ArrayView> maybe(const Node& node, const char* name) {
  const Node child = node.at(name);
  return child ? std::optional(child.array()) : std::nullopt;
}

CellGroup read_group(const Node& elements) {
  CellGroup group;
  group.path = elements.path();
  group.shape = elements.need_text("shape");
  group.connectivity = elements.need_array("connectivity");
  group.sizes = maybe(elements, "sizes");
  group.offsets = maybe(elements, "offsets");
  if (group.shape == "mixed") {
    group.shapes = elements.need_array("shapes");
    for (const auto& entry : elements.at("shape_map").children()) {
      const auto number = entry.integer();
      if (!number) refuse(entry.path() + ": expected a whole number");
      group.types[*number] = shape_of(entry.name(), entry.path()).type;
    }
    group.count = group.shapes->count;
    if (!group.sizes) refuse(group.path + ": expected sizes for mixed cells, they are missing");
  } else if (const int nodes = shape_of(group.shape, group.path).nodes; nodes > 0) {
    if (group.connectivity.count % nodes != 0)
      refuse(group.path + ": expected a connectivity of " + std::to_string(nodes) + " per " + group.shape +
             ", received " + std::to_string(group.connectivity.count));
    group.count = group.connectivity.count / nodes;
  } else {
    if (!group.sizes) refuse(group.path + ": expected sizes for " + group.shape + " cells, they are missing");
    group.count = group.sizes->count;
  }
  for (const auto* view : {&group.sizes, &group.offsets})
    if (*view && (*view)->count != group.count &&
        (group.shape == "mixed" || shape_of(group.shape, group.path).nodes == 0))
      refuse(group.path + ": expected " + std::to_string(group.count) + " sizes and offsets, received " +
             std::to_string((*view)->count));
  return group;
}

bool has_polyhedra(const CellGroup& group) {
  if (group.shape != "mixed") return shape_of(group.shape, group.path).type == kPolyhedron;
  for (const auto& [number, type] : group.types)
    if (type == kPolyhedron) return true;
  return false;
}

}  // namespace

Shape shape_of(const std::string& name, const std::string& path) {
  for (const auto& [known, shape] : kShapes)
    if (name == known) return shape;
  refuse(path + ": there is no cell shape \"" + name + "\"");
}

void read_cells(const Node& topology, MeshInput& out) {
  const Node elements = topology.at("elements");
  if (!elements) refuse(topology.path() + ": expected elements, they are missing");
  if (elements.at("shape")) {
    out.cells.push_back(read_group(elements));
  } else {
    for (const auto& child : elements.children()) out.cells.push_back(read_group(child));
  }
  bool polyhedra = false;
  for (const auto& group : out.cells) {
    out.cell_count += group.count;
    polyhedra = polyhedra || has_polyhedra(group);
  }
  if (!polyhedra) return;
  const Node faces = topology.at("subelements");
  if (!faces) refuse(topology.path() + ": expected subelements for its polyhedra, they are missing");
  out.faces = read_group(faces);
}

}  // namespace gaussitu::catalyst
