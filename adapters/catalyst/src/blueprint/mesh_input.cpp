#include "mesh_input.hpp"

#include <algorithm>

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

constexpr const char* kAxes[] = {"x", "y", "z"};
constexpr const char* kIndices[] = {"i", "j", "k"};
constexpr const char* kSpacings[] = {"dx", "dy", "dz"};
constexpr int64_t kMaxNodes = int64_t{1} << 40;

/// Children named x, y, z; in other coordinate systems (r, z; r, theta, phi) the first three in their order.
std::vector<Node> axes_of(const Node& values, const char* const names[3]) {
  std::vector<Node> out;
  for (int a = 0; a < 3; ++a)
    if (const Node child = values.at(names[a])) out.push_back(child);
  const auto all = values.children();
  if (out.size() == all.size()) return out;
  if (all.size() > 3)
    refuse(values.path() + ": expected 1 to 3 components, received " + std::to_string(all.size()));
  return all;
}

int64_t need_count(const Node& node, int64_t least) {
  const auto value = node.integer();
  if (!value || *value < least || *value > kMaxNodes)
    refuse(node.path() + ": expected a whole number of " + std::to_string(least) + " or more");
  return *value;
}

void set_dims(MeshInput& out, const std::string& path) {
  out.nodes = out.cell_count = 1;
  for (const int64_t n : out.grid.dims) {
    if (n < 1 || out.nodes > kMaxNodes / n) refuse(path + ": expected 1 to 2^40 nodes");
    out.nodes *= n;
    out.cell_count *= std::max<int64_t>(n - 1, 1);
  }
}

void read_uniform(const Node& coordset, MeshInput& out) {
  out.kind = MeshKind::uniform;
  for (int a = 0; a < 3; ++a) out.grid.dims[a] = 1;
  const Node dims = coordset.at("dims");
  if (!dims) refuse(coordset.path() + ": expected dims/i, it is missing");
  for (int a = 0; a < 3; ++a)
    if (const Node n = dims.at(kIndices[a])) out.grid.dims[a] = need_count(n, 1);
  const auto reals = [&](const char* name, const char* const names[3], double* to) {
    int a = 0;
    for (const auto& node : axes_of(coordset.at(name), names)) {
      const auto value = node.real();
      if (!value) refuse(node.path() + ": expected a number");
      to[a++] = *value;
    }
  };
  reals("origin", kAxes, out.origin);
  reals("spacing", kSpacings, out.spacing);
  for (int a = 0; a < 3; ++a)
    if (out.grid.dims[a] == 1 && !(out.spacing[a] > 0)) out.spacing[a] = 1;  // of no consequence, and often 0
  set_dims(out, coordset.path());
}

void read_rectilinear(const Node& coordset, MeshInput& out) {
  out.kind = MeshKind::rectilinear;
  for (int a = 0; a < 3; ++a) out.grid.dims[a] = 1;
  int a = 0;
  for (const auto& node : axes_of(coordset.at("values"), kAxes)) {
    out.coords.push_back(node.array());
    out.grid.dims[a++] = out.coords.back().count;
  }
  if (out.coords.empty()) refuse(coordset.path() + ": expected values/x, it is missing");
  set_dims(out, coordset.path());
}

void read_points(const Node& coordset, MeshInput& out) {
  out.kind = MeshKind::points;
  for (const auto& node : axes_of(coordset.at("values"), kAxes)) out.coords.push_back(node.array());
  if (out.coords.empty()) refuse(coordset.path() + ": expected values/x, it is missing");
  out.nodes = out.coords[0].count;
  for (const auto& view : out.coords)
    if (view.count != out.nodes)
      refuse(coordset.path() + ": expected coordinates of one length, received " + std::to_string(out.nodes) +
             " and " + std::to_string(view.count));
}

/// Three whole numbers, by name or as an array; nothing when the node is not there.
bool triple(const Node& node, int64_t out[3]) {
  if (!node) return false;
  if (node.is_branch()) {
    for (int a = 0; a < 3; ++a)
      if (const Node n = node.at(kIndices[a])) out[a] = need_count(n, 0);
    return true;
  }
  const ArrayView view = node.array();
  for (int a = 0; a < 3 && a < view.count; ++a) out[a] = integer_at(view, a);
  return true;
}

void read_structured(const Node& topology, MeshInput& out) {
  const Node dims = topology.at("elements/dims");
  if (!dims || !dims.at("i")) refuse(topology.path() + ": expected elements/dims/i, it is missing");
  out.kind = MeshKind::curvilinear;
  for (int a = 0; a < 3; ++a) {
    const Node n = dims.at(kIndices[a]);
    out.grid.dims[a] = n ? need_count(n, 0) + 1 : 1;
  }
  const int64_t given = out.nodes;
  set_dims(out, topology.path());
  Pick pick;
  std::copy_n(out.grid.dims, 3, pick.dims);
  pick.strides[1] = out.grid.dims[0];
  pick.strides[2] = out.grid.dims[0] * out.grid.dims[1];
  int64_t offsets[3] = {0, 0, 0};
  const bool strided = triple(dims.at("strides"), pick.strides), moved = triple(dims.at("offsets"), offsets);
  if (strided || moved) {
    for (int a = 0; a < 3; ++a) pick.offset += offsets[a] * pick.strides[a];
    if (pick.reach() > given)
      refuse(topology.path() + ": expected offsets and strides within the " + std::to_string(given) +
             " coordinates, they reach " + std::to_string(pick.reach()));
    out.pick = pick;
  } else if (given != out.nodes) {
    refuse(topology.path() + ": expected " + std::to_string(out.nodes) +
           " coordinates for its elements/dims, received " + std::to_string(given));
  }
}

}  // namespace

MeshInput read_topology(const Node& mesh, const Node& topology) {
  const std::string type = topology.need_text("type"), name = topology.need_text("coordset");
  const Node coordset = mesh.at(("coordsets/" + name).c_str());
  if (!coordset) refuse(topology.path() + ": there is no coordset \"" + name + "\"");
  const std::string coords = coordset.need_text("type");
  MeshInput out;
  if (coords == "uniform") {
    read_uniform(coordset, out);
  } else if (coords == "rectilinear") {
    read_rectilinear(coordset, out);
  } else if (coords == "explicit") {
    read_points(coordset, out);
  } else {
    refuse(coordset.path() + ": expected type uniform, rectilinear or explicit, received \"" + coords + "\"");
  }
  const bool implicit = coords != "explicit";
  if (type == "points" || (implicit && (type == coords || type == "structured"))) return out;
  if (implicit)
    refuse(topology.path() + ": a topology of type \"" + type + "\" on a coordset of type \"" + coords +
           "\" is not supported");
  if (type == "structured") {
    read_structured(topology, out);
  } else if (type == "unstructured") {
    out.kind = MeshKind::unstructured;
    read_cells(topology, out);
  } else {
    refuse(topology.path() +
           ": expected type points, uniform, rectilinear, structured or unstructured, received \"" + type +
           "\"");
  }
  return out;
}

uint64_t fingerprint(const MeshInput& mesh) {
  uint64_t h = static_cast<uint64_t>(mesh.kind) + 1;
  h = hash(h, mesh.grid.dims, sizeof mesh.grid.dims);
  h = hash(h, mesh.origin, sizeof mesh.origin);
  h = hash(h, mesh.spacing, sizeof mesh.spacing);
  if (mesh.pick) h = hash(h, &*mesh.pick, sizeof *mesh.pick);
  for (const auto& view : mesh.coords) h = hash(h, view);
  const auto add_group = [&](const CellGroup& group) {
    h = hash(h, group.shape.data(), group.shape.size());
    h = hash(h, group.connectivity);
    for (const auto* view : {&group.sizes, &group.offsets, &group.shapes})
      if (*view) h = hash(h, **view);
    for (const auto& [number, type] : group.types) {
      const int64_t pair[2] = {number, type};
      h = hash(h, pair, sizeof pair);
    }
  };
  for (const auto& group : mesh.cells) add_group(group);
  if (mesh.faces) add_group(*mesh.faces);
  return h;
}

}  // namespace gaussitu::catalyst
