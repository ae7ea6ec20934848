#include "define.hpp"

#include <algorithm>

#include "cells.hpp"
#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

struct Place {
  gaussitu_client* client;
  const char* name;
  int64_t block;
};

void check(const Place& at, int status) {
  if (status < 0) refuse(gaussitu_last_error(at.client));
}

/// Coordinates as f32 or f64, one array each.
std::vector<Packed> axes(const MeshInput& mesh) {
  const bool single = std::all_of(mesh.coords.begin(), mesh.coords.end(),
                                  [](const ArrayView& v) { return v.dtype == GAUSSITU_F32; });
  std::vector<Packed> out;
  for (const auto& view : mesh.coords) out.push_back(pack({view}));
  static const double zero = 0;
  static const float zero_f32 = 0;
  while (out.size() < 3) {
    Packed flat;
    flat.count = 1;
    flat.dtype = single ? GAUSSITU_F32 : GAUSSITU_F64;
    flat.data = single ? static_cast<const void*>(&zero_f32) : &zero;
    out.push_back(std::move(flat));
  }
  for (size_t a = 0; a < mesh.coords.size() && !single; ++a) {
    auto& axis = out[a];
    if (axis.dtype == GAUSSITU_F64) continue;
    std::vector<uint8_t> wide(static_cast<size_t>(axis.count) * sizeof(double));
    auto* to = reinterpret_cast<double*>(wide.data());
    for (int64_t i = 0; i < axis.count; ++i) to[i] = real_at(mesh.coords[a], i);
    axis.own = std::move(wide);
    axis.data = axis.own.data();
    axis.dtype = GAUSSITU_F64;
  }
  return out;
}

/// [nodes, 3], f32 when all components are, else f64; missing components are 0.
Packed points(const MeshInput& mesh) {
  std::vector<ArrayView> xyz = mesh.coords;
  const bool single =
      std::all_of(xyz.begin(), xyz.end(), [](const ArrayView& v) { return v.dtype == GAUSSITU_F32; });
  static const double zero = 0;
  ArrayView none = xyz[0];
  none.first = reinterpret_cast<const uint8_t*>(&zero);  // as f32 it is 0 as well
  none.dtype = single ? GAUSSITU_F32 : GAUSSITU_F64;
  none.stride = 0;
  none.swap = false;
  while (xyz.size() < 3) xyz.push_back(none);
  const bool one_type =
      std::all_of(xyz.begin(), xyz.end(), [&](const ArrayView& v) { return v.dtype == xyz[0].dtype; });
  // Whole numbers are legal coordinates; a component of doubles makes pack() convert all of them.
  if (one_type && !is_float(xyz[0].dtype)) {
    Pick each;
    each.dims[0] = xyz[0].count;
    const Pick& from = mesh.pick ? *mesh.pick : each;
    ArrayView doubles = none;
    doubles.dtype = GAUSSITU_F64;
    auto all = pack({xyz[0], xyz[1], xyz[2], doubles}, &from);
    auto* value = reinterpret_cast<double*>(all.own.data());
    for (int64_t i = 0; i < all.count; ++i) std::copy_n(value + 4 * i, 3, value + 3 * i);
    return all;
  }
  return pack(xyz, mesh.pick ? &*mesh.pick : nullptr);
}

template <class Index>
Ghosts define_unstructured(const Place& at, const MeshInput& mesh, const GhostInput& ghosts,
                           const Packed& xyz) {
  constexpr gaussitu_dtype dtype = sizeof(Index) == 4 ? GAUSSITU_I32 : GAUSSITU_I64;
  const auto cells = build_cells<Index>(mesh);
  check(at,
        gaussitu_define_unstructured(at.client, at.name, at.block, mesh.nodes, xyz.dtype, xyz.data,
                                     static_cast<int64_t>(cells.types.size()), dtype,
                                     static_cast<int64_t>(cells.connectivity.size()),
                                     cells.connectivity.data(), cells.offsets.data(), cells.types.data()));
  if (!cells.face_offsets.empty())
    check(at,
          gaussitu_define_faces(at.client, at.name, at.block, dtype, static_cast<int64_t>(cells.faces.size()),
                                cells.faces.data(), cells.face_offsets.data()));
  return find_ghosts(ghosts, mesh, cells.connectivity, cells.offsets);
}

void define_grid(const Place& at, const MeshInput& mesh, const gaussitu_grid& grid) {
  if (mesh.kind == MeshKind::uniform) {
    check(at, gaussitu_define_uniform(at.client, at.name, at.block, &grid, mesh.origin, mesh.spacing));
  } else if (mesh.kind == MeshKind::rectilinear) {
    const auto xyz = axes(mesh);
    check(at, gaussitu_define_rectilinear(at.client, at.name, at.block, &grid, xyz[0].dtype, xyz[0].data,
                                          xyz[1].data, xyz[2].data));
  } else {
    const auto xyz = points(mesh);
    check(at, gaussitu_define_curvilinear(at.client, at.name, at.block, &grid, xyz.dtype, xyz.data));
  }
}

}  // namespace

void define_mesh(gaussitu_client* client, const std::string& name, int64_t block, const MeshInput& mesh,
                 const GhostInput& ghosts, const Patch* patch) {
  const Place at{client, name.c_str(), block};
  Ghosts found;
  if (mesh.kind == MeshKind::unstructured) {
    const auto xyz = points(mesh);
    found = fits_32_bits(mesh) ? define_unstructured<int32_t>(at, mesh, ghosts, xyz)
                               : define_unstructured<int64_t>(at, mesh, ghosts, xyz);
  } else {
    found = find_ghosts<int32_t>(ghosts, mesh, {}, {});
    if (mesh.kind == MeshKind::points) {
      const auto xyz = points(mesh);
      check(at, gaussitu_define_points(client, at.name, block, mesh.nodes, xyz.dtype, xyz.data));
    } else {
      gaussitu_grid grid = mesh.grid;
      std::copy_n(found.layers, 6, grid.ghost);
      define_grid(at, mesh, grid);
    }
  }
  if (!found.nodes.empty() || !found.cells.empty())
    check(at,
          gaussitu_define_ghosts(client, at.name, block, found.nodes.empty() ? nullptr : found.nodes.data(),
                                 found.cells.empty() ? nullptr : found.cells.data()));
  if (patch)
    check(at, gaussitu_define_nesting(client, at.name, block, patch->level, patch->windows.data(),
                                      patch->windows.size()));
}

}  // namespace gaussitu::catalyst
