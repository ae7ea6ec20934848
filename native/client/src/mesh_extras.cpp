// What may be said of a mesh beyond where its nodes are: ghosts, faces of polyhedra, nesting of patches.
#include <algorithm>
#include <cstring>

#include "mesh.hpp"
#include "status.hpp"

namespace gaussitu::client {
namespace {

constexpr uint8_t kPolyhedron = 42;  // VTK
// Columns of a nesting row: block, child, ratio, origin, dims.
constexpr size_t kNestingColumns = 11;

/// A copy without the arrays named: what is said again replaces what was said.
std::shared_ptr<Mesh> without(const Mesh& mesh, std::initializer_list<const char*> names) {
  auto copy = std::make_shared<Mesh>(mesh);
  auto& arrays = copy->arrays;
  arrays.erase(std::remove_if(arrays.begin(), arrays.end(),
                              [&](const MeshArray& a) {
                                return std::any_of(names.begin(), names.end(),
                                                   [&](const char* name) { return a.name == name; });
                              }),
               arrays.end());
  return copy;
}

void add(Mesh& mesh, const char* name, gaussitu_dtype dtype, std::vector<int64_t> shape, const void* data) {
  uint64_t count = 1;
  for (const int64_t n : shape) count *= static_cast<uint64_t>(n);
  mesh.arrays.push_back(
      {name, dtype, std::move(shape), copy_bytes(data, count * dtype_bytes(dtype), nullptr)});
}

/// The part of each polyhedron must be just as long as its counts say, and name nodes that there are.
template <class Index>
void check_faces(const Mesh& mesh, const MeshArray& types, const MeshArray& faces, const MeshArray& offsets) {
  const auto* type = static_cast<const uint8_t*>(types.bytes->data());
  const auto* stream = static_cast<const Index*>(faces.bytes->data());
  const auto* off = static_cast<const Index*>(offsets.bytes->data());
  const auto bad = [&](int64_t cell, const std::string& why) {
    invalid("mesh " + mesh.name + ": faces of cell " + std::to_string(cell) + ": " + why);
  };
  if (off[0] != 0 || off[mesh.cells] != faces.shape[0] || !std::is_sorted(off, off + mesh.cells + 1))
    invalid("mesh " + mesh.name +
            ": expected face offsets that rise from 0 to faces_count = " + std::to_string(faces.shape[0]));
  for (int64_t cell = 0; cell < mesh.cells; ++cell) {
    int64_t at = off[cell];
    const int64_t end = off[cell + 1];
    if (type[cell] != kPolyhedron) {
      if (at != end) bad(cell, "expected none, it is no polyhedron");
      continue;
    }
    if (at == end) bad(cell, "expected the number of faces");
    for (int64_t left = stream[at++]; left > 0; --left) {
      if (at == end || stream[at] < 3 || stream[at] >= end - at)
        bad(cell, "expected faces of 3 or more nodes that end with the cell's part");
      for (int64_t n = stream[at++]; n > 0; --n, ++at)
        if (stream[at] < 0 || stream[at] >= mesh.nodes)
          bad(cell, "expected node indices below " + std::to_string(mesh.nodes) + ", received " +
                        std::to_string(stream[at]));
    }
    if (at != end) bad(cell, "expected it to end with the last face");
  }
}

}  // namespace

MeshPtr with_ghosts(const Mesh& mesh, const uint8_t* nodes, const uint8_t* cells) {
  auto copy = without(mesh, {"ghostNodes", "ghostCells"});
  if (cells && mesh.kind == MeshKind::points) invalid("mesh " + mesh.name + ": points have no cells");
  if (nodes) add(*copy, "ghostNodes", GAUSSITU_U8, {mesh.nodes}, nodes);
  if (cells) add(*copy, "ghostCells", GAUSSITU_U8, {mesh.cells}, cells);
  return copy;
}

MeshPtr with_faces(const Mesh& mesh, gaussitu_dtype index_dtype, int64_t faces_count, const void* faces,
                   const void* offsets) {
  if (mesh.kind != MeshKind::unstructured)
    invalid("mesh " + mesh.name + ": expected an unstructured mesh for faces");
  if (index_dtype != GAUSSITU_I32 && index_dtype != GAUSSITU_I64)
    invalid("mesh " + mesh.name + ": expected face indices of dtype i32 or i64");
  if (faces_count < 0 || !offsets || (!faces && faces_count > 0))
    invalid("mesh " + mesh.name + ": expected faces and offsets, received NULL or a negative count");
  auto copy = without(mesh, {"faces", "faceOffsets"});
  add(*copy, "faces", index_dtype, {faces_count}, faces);
  add(*copy, "faceOffsets", index_dtype, {mesh.cells + 1}, offsets);
  const auto& arrays = copy->arrays;
  const auto& types = mesh.arrays[3];
  if (index_dtype == GAUSSITU_I32) {
    check_faces<int32_t>(mesh, types, arrays[arrays.size() - 2], arrays.back());
  } else {
    check_faces<int64_t>(mesh, types, arrays[arrays.size() - 2], arrays.back());
  }
  return copy;
}

MeshPtr with_nesting(const Mesh& mesh, int32_t level, const gaussitu_nesting* windows, size_t count) {
  if (!mesh.is_grid()) invalid("mesh " + mesh.name + ": expected a grid for nesting");
  if (level < 0 || (!windows && count > 0))
    invalid("mesh " + mesh.name + ": expected a level of 0 or more, received " + std::to_string(level));
  auto copy = without(mesh, {"nesting"});
  copy->level = level;
  if (count == 0) return copy;
  std::vector<int64_t> rows;
  rows.reserve(count * kNestingColumns);
  for (size_t i = 0; i < count; ++i) {
    const auto& w = windows[i];
    for (size_t a = 0; a < 3; ++a)
      if (w.ratio[a] < 1 || w.dims[a] < 0 || w.origin[a] < 0)
        invalid("mesh " + mesh.name + ", nesting " + std::to_string(i) +
                ": expected a ratio of 1 or more, origin and dims of 0 or more");
    rows.push_back(w.block);
    rows.push_back(w.child != 0);
    rows.insert(rows.end(), w.ratio, w.ratio + 3);
    rows.insert(rows.end(), w.origin, w.origin + 3);
    rows.insert(rows.end(), w.dims, w.dims + 3);
  }
  add(*copy, "nesting", GAUSSITU_I64, {static_cast<int64_t>(count), kNestingColumns}, rows.data());
  return copy;
}

}  // namespace gaussitu::client
