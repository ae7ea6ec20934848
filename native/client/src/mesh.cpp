#include "mesh.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "status.hpp"

namespace gaussitu::client {
namespace {

// Far above any array that fits a machine, far below where a product of sizes could overflow.
constexpr int64_t kMaxCount = int64_t{1} << 40;

std::shared_ptr<Mesh> begin(const char* name, int64_t block, MeshKind kind) {
  auto mesh = std::make_shared<Mesh>();
  mesh->name = checked_name(name, "mesh name");
  if (block < 0)
    invalid("block of mesh " + mesh->name + ": expected 0 or more, received " + std::to_string(block));
  mesh->block = block;
  mesh->kind = kind;
  return mesh;
}

void set_grid(Mesh& mesh, const gaussitu_grid* grid) {
  if (!grid) invalid("mesh " + mesh.name + ": expected a gaussitu_grid, received NULL");
  mesh.grid = *grid;
  mesh.nodes = mesh.cells = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t n = grid->dims[axis];
    const int64_t lo = grid->ghost[2 * axis], hi = grid->ghost[2 * axis + 1];
    const std::string where = "mesh " + mesh.name + ", axis " + std::to_string(axis);
    if (n < 1 || n > kMaxCount || mesh.nodes > kMaxCount / n)
      invalid(where + ": expected dims of 1 or more nodes, below 2^40 in all, received " + std::to_string(n));
    if (lo < 0 || hi < 0 || lo > n || hi > n - lo)
      invalid(where + ": expected ghost layers that fit the " + std::to_string(n) + " nodes, received " +
              std::to_string(lo) + " and " + std::to_string(hi));
    mesh.nodes *= n;
    mesh.cells *= std::max<int64_t>(n - 1, 1);
  }
}

void add(Mesh& mesh, const char* name, gaussitu_dtype dtype, std::vector<int64_t> shape, const void* data) {
  uint64_t count = 1;
  for (const int64_t n : shape) count *= static_cast<uint64_t>(n);
  if (!data && count) invalid("mesh " + mesh.name + ": array " + name + " is NULL");
  mesh.arrays.push_back(
      {name, dtype, std::move(shape), copy_bytes(data, count * dtype_bytes(dtype), nullptr)});
}

void need(const Mesh& mesh, const char* what, gaussitu_dtype dtype, gaussitu_dtype a, gaussitu_dtype b) {
  if (dtype != a && dtype != b)
    invalid("mesh " + mesh.name + ": expected " + what + " of dtype " + dtype_name(a) + " or " +
            dtype_name(b) + ", received " + dtype_name(dtype));
}

void set_points(Mesh& mesh, int64_t nodes, gaussitu_dtype dtype, const void* points) {
  need(mesh, "points", dtype, GAUSSITU_F32, GAUSSITU_F64);
  if (nodes < 0 || nodes > kMaxCount)
    invalid("mesh " + mesh.name + ": expected 0 to 2^40 nodes, received " + std::to_string(nodes));
  mesh.nodes = nodes;
  add(mesh, "points", dtype, {nodes, 3}, points);
}

/// The service would refuse such a mesh minutes later; a simulation wants to know at once.
template <class Index>
void check_cells(const Mesh& mesh, const void* connectivity, int64_t count, const void* offsets) {
  const auto* conn = static_cast<const Index*>(connectivity);
  const auto* off = static_cast<const Index*>(offsets);
  if (off[0] != 0 || off[mesh.cells] != count || !std::is_sorted(off, off + mesh.cells + 1))
    invalid("mesh " + mesh.name +
            ": expected offsets that rise from 0 to connectivity_count = " + std::to_string(count) +
            ", received " + std::to_string(off[0]) + " … " + std::to_string(off[mesh.cells]));
  for (int64_t i = 0; i < count; ++i)
    if (conn[i] < 0 || conn[i] >= mesh.nodes)
      invalid("mesh " + mesh.name + ": connectivity[" + std::to_string(i) +
              "]: expected a node index below " + std::to_string(mesh.nodes) + ", received " +
              std::to_string(conn[i]) + " (indices begin at 0, also in Fortran)");
}

}  // namespace

const char* kind_name(MeshKind kind) {
  static constexpr const char* names[] = {"uniform", "rectilinear", "curvilinear", "unstructured", "points"};
  return names[static_cast<int>(kind)];
}

const char* dtype_name(gaussitu_dtype dtype) {
  static constexpr const char* names[] = {"f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"};
  const auto i = static_cast<unsigned>(dtype);
  return i < std::size(names) ? names[i] : "unknown";
}

uint64_t dtype_bytes(gaussitu_dtype dtype) {
  static constexpr uint64_t bytes[] = {4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
  const auto i = static_cast<unsigned>(dtype);
  return i < std::size(bytes) ? bytes[i] : 0;
}

std::string checked_name(const char* name, const char* what) {
  const std::string text = name ? name : "";
  const bool bad =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 32 || c == 127 || c == '/'; });
  if (text.empty() || text.size() > 200 || bad)
    invalid(std::string(what) +
            ": expected 1 to 200 characters without control characters and '/', received " +
            (name ? std::string("\"") + text.substr(0, 60) + "\"" : std::string("NULL")));
  return text;
}

MeshPtr make_uniform(const char* name, int64_t block, const gaussitu_grid* grid, const double* origin,
                     const double* spacing) {
  auto mesh = begin(name, block, MeshKind::uniform);
  set_grid(*mesh, grid);
  for (size_t i = 0; i < 3; ++i) {
    mesh->origin[i] = origin ? origin[i] : 0;
    mesh->spacing[i] = spacing ? spacing[i] : 1;
    if (!std::isfinite(mesh->origin[i]) || !std::isfinite(mesh->spacing[i]) || mesh->spacing[i] <= 0)
      invalid("mesh " + mesh->name + ": expected a finite origin and a spacing above 0, received " +
              std::to_string(mesh->origin[i]) + " and " + std::to_string(mesh->spacing[i]));
  }
  return mesh;
}

MeshPtr make_rectilinear(const char* name, int64_t block, const gaussitu_grid* grid, gaussitu_dtype dtype,
                         const void* x, const void* y, const void* z) {
  auto mesh = begin(name, block, MeshKind::rectilinear);
  set_grid(*mesh, grid);
  need(*mesh, "coordinates", dtype, GAUSSITU_F32, GAUSSITU_F64);
  add(*mesh, "x", dtype, {grid->dims[0]}, x);
  add(*mesh, "y", dtype, {grid->dims[1]}, y);
  add(*mesh, "z", dtype, {grid->dims[2]}, z);
  return mesh;
}

MeshPtr make_curvilinear(const char* name, int64_t block, const gaussitu_grid* grid, gaussitu_dtype dtype,
                         const void* points) {
  auto mesh = begin(name, block, MeshKind::curvilinear);
  set_grid(*mesh, grid);
  set_points(*mesh, mesh->nodes, dtype, points);
  return mesh;
}

MeshPtr make_unstructured(const char* name, int64_t block, int64_t nodes, gaussitu_dtype dtype,
                          const void* points, int64_t cells, gaussitu_dtype index_dtype,
                          int64_t connectivity_count, const void* connectivity, const void* offsets,
                          const uint8_t* types) {
  auto mesh = begin(name, block, MeshKind::unstructured);
  set_points(*mesh, nodes, dtype, points);
  need(*mesh, "indices", index_dtype, GAUSSITU_I32, GAUSSITU_I64);
  if (cells < 0 || cells > kMaxCount || connectivity_count < 0 || connectivity_count > kMaxCount)
    invalid("mesh " + mesh->name + ": expected counts of 0 or more, received " + std::to_string(cells) +
            " cells and " + std::to_string(connectivity_count) + " indices");
  mesh->cells = cells;
  add(*mesh, "connectivity", index_dtype, {connectivity_count}, connectivity);
  add(*mesh, "offsets", index_dtype, {cells + 1}, offsets);
  add(*mesh, "types", GAUSSITU_U8, {cells}, types);
  // The copies are aligned; what the caller gave may not be.
  const auto* conn = mesh->arrays[1].bytes->data();
  const auto* off = mesh->arrays[2].bytes->data();
  if (index_dtype == GAUSSITU_I32) {
    check_cells<int32_t>(*mesh, conn, connectivity_count, off);
  } else {
    check_cells<int64_t>(*mesh, conn, connectivity_count, off);
  }
  return mesh;
}

MeshPtr make_points(const char* name, int64_t block, int64_t nodes, gaussitu_dtype dtype,
                    const void* points) {
  auto mesh = begin(name, block, MeshKind::points);
  set_points(*mesh, nodes, dtype, points);
  return mesh;
}

}  // namespace gaussitu::client
