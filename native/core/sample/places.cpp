#include "sample/places.hpp"

#include <cmath>
#include <string>

#include "base/error.hpp"
#include "sample/array_reader.hpp"
#include "sample/tiling.hpp"

namespace gaussitu {
namespace {

[[noreturn]] void fail(const std::string& message) {
  throw Error(Code::invalid_argument, message);
}

MeshShape cut(MeshShape shape, const MeshView& mesh, const IndexBox& box) {
  if (mesh.kind == MeshKind::unstructured || mesh.kind == MeshKind::points)
    fail("Expected a grid for a box of indices but received a mesh without an order of its own");
  for (int k = 0; k < 3; k++) {
    if (box.first[k] > box.last[k] || box.last[k] > shape.inner[k])
      fail("Expected a box of indices within 0 to " + std::to_string(shape.inner[k]) + " on axis " +
           std::to_string(k) + " but received " + std::to_string(box.first[k]) + " to " +
           std::to_string(box.last[k]));
    shape.low[k] += box.first[k];
    shape.inner[k] = box.last[k] - box.first[k];
  }
  return shape;
}

}  // namespace

std::array<float, 3> Places::point(size_t i) const {
  if (!points.data) return {axes[0][i], axes[1][i], axes[2][i]};
  std::array<float, 3> at;
  for (int k = 0; k < 3; k++) at[k] = to_model(domain, k, element(points, 3 * i + k));
  return at;
}

float to_model(const Domain& domain, int axis, double world) {
  const double c = (world - domain.origin[axis]) * domain.scale[axis];
  if (!(std::fabs(c) < 1e30))
    fail("Expected finite points near the model's domain but received " + std::to_string(world) +
         " on axis " + std::to_string(axis));
  return static_cast<float>(c);
}

bool on_whole_coordinates(const MeshView& mesh, const MeshShape& shape, const std::array<double, 3>& first,
                          const Domain& domain, std::array<double, 3>& at) {
  if (mesh.kind != MeshKind::uniform || column_padding(shape.inner) > 2) return false;
  for (int k = 0; k < 3; k++) {
    const double start = (first[k] - domain.origin[k]) * domain.scale[k];
    const double step = mesh.spacing[k] * domain.scale[k], n = static_cast<double>(shape.inner[k]);
    at[k] = std::round(start);
    // Not so strict that a grid decoded in another place loses its columns to rounding.
    if (std::fabs(start - at[k]) > 1e-6 || std::fabs(at[k]) + n > 1e6) return false;
    if (shape.inner[k] > 1 && std::fabs(step - 1) * n > 1e-6) return false;
  }
  return true;
}

Places find_places(const Domain& domain, const MeshView& mesh, Association association, const IndexBox* box) {
  const MeshShape whole = check_mesh(mesh, association);
  const MeshShape shape = box ? cut(whole, mesh, *box) : whole;
  Places out;
  if (shape.total() == 0) return out;
  if (mesh.kind == MeshKind::points) {
    out.points = mesh.points;
    out.domain = domain;
    return out;
  }
  out.grid = mesh.kind == MeshKind::uniform || mesh.kind == MeshKind::rectilinear;
  std::array<double, 3> at;
  if (out.grid && on_whole_coordinates(mesh, whole, first_value(mesh, association, whole), domain, at)) {
    for (int k = 0; k < 3; k++)
      for (size_t i = 0; i < shape.inner[k]; i++)
        out.axes[k].push_back(static_cast<float>(at[k]) +
                              static_cast<float>(i + shape.low[k] - whole.low[k]));
    return out;
  }
  const auto world = out.grid ? world_axes(mesh, association, shape) : world_points(mesh, association, shape);
  for (int k = 0; k < 3; k++)
    for (const double x : world[k]) out.axes[k].push_back(to_model(domain, k, x));
  return out;
}

}  // namespace gaussitu
