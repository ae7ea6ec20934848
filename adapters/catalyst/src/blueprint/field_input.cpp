#include "field_input.hpp"

#include <algorithm>

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

constexpr size_t kMaxComponents = 9;

void read_values(const Node& values, FieldInput& out) {
  if (!values.is_branch()) {
    out.components.push_back(values.array());
    return;
  }
  for (const auto& component : values.children()) out.components.push_back(component.array());
  if (out.components.empty() || out.components.size() > kMaxComponents)
    refuse(values.path() + ": expected 1 to 9 components, received " + std::to_string(out.components.size()));
  for (const auto& view : out.components)
    if (view.count != out.components[0].count)
      refuse(values.path() + ": expected components of one length, received " +
             std::to_string(out.components[0].count) + " and " + std::to_string(view.count));
}

/// A field of a strided structured mesh may lie in a larger array of its own.
void read_pick(const Node& field, const MeshInput& mesh, FieldInput& out) {
  const Node offsets = field.at("offsets"), strides = field.at("strides");
  if (mesh.kind != MeshKind::curvilinear || (!offsets && !strides)) return;
  Pick pick;
  for (int a = 0; a < 3; ++a)
    pick.dims[a] =
        out.association == GAUSSITU_CELL ? std::max<int64_t>(mesh.grid.dims[a] - 1, 1) : mesh.grid.dims[a];
  pick.strides[1] = pick.dims[0];
  pick.strides[2] = pick.dims[0] * pick.dims[1];
  if (strides) {
    const ArrayView view = strides.array();
    for (int a = 0; a < 3 && a < view.count; ++a) pick.strides[a] = integer_at(view, a);
  }
  if (offsets) {
    const ArrayView view = offsets.array();
    for (int a = 0; a < 3 && a < view.count; ++a) pick.offset += integer_at(view, a) * pick.strides[a];
  }
  if (pick.reach() > out.components[0].count)
    refuse(field.path() + ": expected offsets and strides within its " +
           std::to_string(out.components[0].count) + " values, they reach " + std::to_string(pick.reach()));
  out.pick = pick;
}

}  // namespace

FieldInput read_field(const Node& field, const MeshInput& mesh) {
  FieldInput out;
  out.name = field.name();
  const auto association = field.at("association").text();
  if (!association)
    refuse(field.path() + (field.at("grid_function")
                               ? ": high-order fields (grid_function) are not supported"
                               : ": expected association vertex or element, it is missing"));
  if (*association != "vertex" && *association != "element")
    refuse(field.path() + ": expected association vertex or element, received \"" + *association + "\"");
  out.association = *association == "element" ? GAUSSITU_CELL : GAUSSITU_NODE;
  const Node values = field.at("values");
  if (!values)
    refuse(field.path() + (field.at("matset_values") ? ": values per material are not supported"
                                                     : ": expected values, they are missing"));
  if (values.is_text()) refuse(field.path() + ": expected numbers, received a string");
  read_values(values, out);
  read_pick(field, mesh, out);
  out.count = out.pick ? out.pick->count() : out.components[0].count;
  const int64_t expected = out.association == GAUSSITU_CELL ? mesh.cell_count : mesh.nodes;
  if (out.association == GAUSSITU_CELL && mesh.kind == MeshKind::points)
    refuse(field.path() + ": element values on points: expected association vertex");
  if (out.count != expected)
    refuse(field.path() + ": expected " + std::to_string(expected) + " " + *association +
           " values, received " + std::to_string(out.count));
  out.units = field.at("units").text().value_or("");
  return out;
}

}  // namespace gaussitu::catalyst
