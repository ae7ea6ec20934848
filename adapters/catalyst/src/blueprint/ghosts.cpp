#include "ghosts.hpp"

#include <algorithm>
#include <array>

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

std::vector<uint8_t> marks_of(const ArrayView& view) {
  std::vector<uint8_t> out(static_cast<size_t>(view.count));
  bool any = false;
  for (int64_t i = 0; i < view.count; ++i) {
    const auto value = static_cast<int64_t>(real_at(view, i));
    // Bits beyond a byte still mean "not a plain value".
    const auto mark = static_cast<uint8_t>(value == 0 || (value & 255) != 0 ? value & 255 : 1);
    out[static_cast<size_t>(i)] = mark;
    any = any || mark != 0;
  }
  if (!any) out.clear();
  return out;
}

using Dims = std::array<int64_t, 3>;

Dims cell_dims(const MeshInput& mesh) {
  Dims n;
  for (size_t a = 0; a < 3; ++a) n[a] = std::max<int64_t>(mesh.grid.dims[a] - 1, 1);
  return n;
}

/// The box of unmarked values, when there is one and everything outside it is marked.
bool find_box(const std::vector<uint8_t>& marks, const Dims& n, Dims& lo, Dims& hi) {
  lo = n;
  hi = {-1, -1, -1};
  int64_t real = 0;
  size_t at = 0;
  for (int64_t k = 0; k < n[2]; ++k)
    for (int64_t j = 0; j < n[1]; ++j)
      for (int64_t i = 0; i < n[0]; ++i) {
        if (marks[at++]) continue;
        ++real;
        const int64_t where[3] = {i, j, k};
        for (size_t a = 0; a < 3; ++a) {
          lo[a] = std::min(lo[a], where[a]);
          hi[a] = std::max(hi[a], where[a]);
        }
      }
  return real > 0 && real == (hi[0] - lo[0] + 1) * (hi[1] - lo[1] + 1) * (hi[2] - lo[2] + 1);
}

/// Only plain copies of a neighbour's values (1) may be cut off; refined, hidden and garbage ones are kept as
/// marks.
bool plain(const std::vector<uint8_t>& marks) {
  return std::all_of(marks.begin(), marks.end(), [](uint8_t mark) { return mark <= 1; });
}

bool set_layers(const std::vector<uint8_t>& marks, const Dims& n, int64_t layers[6]) {
  Dims lo, hi;
  if (!plain(marks) || !find_box(marks, n, lo, hi)) return false;
  for (size_t a = 0; a < 3; ++a) {
    layers[2 * a] = lo[a];
    layers[2 * a + 1] = n[a] - 1 - hi[a];
  }
  return true;
}

void grid_nodes(const MeshInput& mesh, Ghosts& out) {
  const Dims n = cell_dims(mesh);
  const auto& d = mesh.grid.dims;
  out.nodes.assign(static_cast<size_t>(mesh.nodes), 1);
  size_t cell = 0;
  for (int64_t k = 0; k < n[2]; ++k)
    for (int64_t j = 0; j < n[1]; ++j)
      for (int64_t i = 0; i < n[0]; ++i) {
        if (out.cells[cell++]) continue;
        for (int64_t c = 0; c < 8; ++c) {
          const int64_t x = std::min(i + (c & 1), d[0] - 1), y = std::min(j + (c >> 1 & 1), d[1] - 1),
                        z = std::min(k + (c >> 2), d[2] - 1);
          out.nodes[static_cast<size_t>(x + d[0] * (y + d[1] * z))] = 0;
        }
      }
}

/// A node that no cell has stays real; one that only marked cells have is marked.
template <class Index>
void unstructured_nodes(const std::vector<Index>& connectivity, const std::vector<Index>& offsets,
                        Ghosts& out, int64_t nodes) {
  enum : uint8_t { kUnused = 0, kGhost = 1, kReal = 2 };
  out.nodes.assign(static_cast<size_t>(nodes), kUnused);
  for (size_t cell = 0; cell + 1 < offsets.size(); ++cell)
    for (auto i = static_cast<size_t>(offsets[cell]); i < static_cast<size_t>(offsets[cell + 1]); ++i) {
      // Indices are checked when the mesh is defined, after this.
      if (connectivity[i] < 0 || connectivity[i] >= nodes) continue;
      auto& state = out.nodes[static_cast<size_t>(connectivity[i])];
      state = std::max<uint8_t>(state, out.cells[cell] ? kGhost : kReal);
    }
  for (auto& state : out.nodes) state = state == kGhost;
}

}  // namespace

bool is_ghost_field(const std::string& name) {
  return name == "vtkGhostType" || name == "ascent_ghosts";
}

GhostInput read_ghosts(const Node& mesh, const std::string& topology, const MeshInput& input) {
  GhostInput out;
  for (const auto& field : mesh.at("fields").children()) {
    if (!is_ghost_field(field.name()) || field.at("topology").text() != topology) continue;
    const bool cell = field.need_text("association") == "element";
    const ArrayView view = field.need_array("values");
    const int64_t expected = cell ? input.cell_count : input.nodes;
    if (view.count != expected)
      refuse(field.path() + ": expected " + std::to_string(expected) + " ghost marks, received " +
             std::to_string(view.count));
    (cell ? out.cells : out.nodes) = view;
  }
  return out;
}

uint64_t fingerprint(uint64_t seed, const GhostInput& ghosts) {
  if (ghosts.nodes) seed = hash(seed + 1, *ghosts.nodes);
  if (ghosts.cells) seed = hash(seed + 2, *ghosts.cells);
  return seed;
}

template <class Index>
Ghosts find_ghosts(const GhostInput& input, const MeshInput& mesh, const std::vector<Index>& connectivity,
                   const std::vector<Index>& offsets) {
  Ghosts out;
  if (input.nodes) out.nodes = marks_of(*input.nodes);
  if (input.cells) out.cells = marks_of(*input.cells);
  const bool grid = mesh.kind <= MeshKind::curvilinear;
  // Layers of cells are the same layers of nodes. Not the other way round: a marked plane of nodes is often
  // just the one that two blocks share, and the cells at it are real.
  if (grid && out.nodes.empty() && !out.cells.empty() && set_layers(out.cells, cell_dims(mesh), out.layers)) {
    out.cells.clear();
  } else if (!out.cells.empty() && out.nodes.empty()) {
    if (grid) {
      grid_nodes(mesh, out);
    } else {
      unstructured_nodes(connectivity, offsets, out, mesh.nodes);
    }
  }
  return out;
}
template Ghosts find_ghosts(const GhostInput&, const MeshInput&, const std::vector<int32_t>&,
                            const std::vector<int32_t>&);
template Ghosts find_ghosts(const GhostInput&, const MeshInput&, const std::vector<int64_t>&,
                            const std::vector<int64_t>&);

}  // namespace gaussitu::catalyst
