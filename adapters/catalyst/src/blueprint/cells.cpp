#include "cells.hpp"

#include <algorithm>

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

/// A group's connectivity in rows, one per cell; each is checked to lie inside.
template <class Index>
class Rows {
 public:
  explicit Rows(const CellGroup& group)
      : group_(group), ids_(integers<Index>(group.connectivity, group.path)) {
    if (group.shape != "mixed") shape_ = shape_of(group.shape, group.path);
    begin_.reserve(static_cast<size_t>(group.count) + 1);
    int64_t next = 0;
    for (int64_t i = 0; i < group.count; ++i) {
      const int64_t size = size_of(i),
                    begin = group.offsets && shape_.nodes == 0 ? integer_at(*group.offsets, i) : next;
      if (size < 0 || begin < 0 || begin > group.connectivity.count ||
          size > group.connectivity.count - begin)
        refuse(group.path + ": cell " + std::to_string(i) +
               ": expected it to lie within the connectivity of " + std::to_string(group.connectivity.count) +
               ", received " + std::to_string(size) + " indices from " + std::to_string(begin));
      begin_.push_back(begin);
      next = begin + size;
    }
  }
  const Index* begin(int64_t i) const { return ids_.data() + begin_[static_cast<size_t>(i)]; }
  const Index* end(int64_t i) const { return begin(i) + size_of(i); }
  int64_t count() const { return group_.count; }
  uint8_t type(int64_t i) const {
    if (!group_.shapes) return shape_.type;
    const auto found = group_.types.find(integer_at(*group_.shapes, i));
    if (found == group_.types.end())
      refuse(group_.path + "/shapes[" + std::to_string(i) + "]: expected a number of the shape_map");
    return found->second;
  }

 private:
  int64_t size_of(int64_t i) const { return shape_.nodes > 0 ? shape_.nodes : integer_at(*group_.sizes, i); }

  const CellGroup& group_;
  Shape shape_{0, 0};
  std::vector<Index> ids_;
  std::vector<int64_t> begin_;
};

/// A polyhedron is given by its faces' numbers: its part of the face stream, and each of its nodes once.
template <class Index>
void add_polyhedron(const Rows<Index>& cells, int64_t cell, const Rows<Index>& faces, const std::string& path,
                    Cells<Index>& out) {
  const auto first = static_cast<int64_t>(out.connectivity.size());
  out.faces.push_back(static_cast<Index>(cells.end(cell) - cells.begin(cell)));
  for (const Index* face = cells.begin(cell); face != cells.end(cell); ++face) {
    if (*face >= faces.count())
      refuse(path + ": cell " + std::to_string(cell) + ": expected faces below " +
             std::to_string(faces.count()) + ", received " + std::to_string(*face));
    out.faces.push_back(static_cast<Index>(faces.end(*face) - faces.begin(*face)));
    out.faces.insert(out.faces.end(), faces.begin(*face), faces.end(*face));
    out.connectivity.insert(out.connectivity.end(), faces.begin(*face), faces.end(*face));
  }
  const auto nodes = out.connectivity.begin() + first;
  std::sort(nodes, out.connectivity.end());
  out.connectivity.erase(std::unique(nodes, out.connectivity.end()), out.connectivity.end());
}

}  // namespace

bool fits_32_bits(const MeshInput& mesh) {
  int64_t entries = 0;
  bool narrow = true;
  const auto look = [&](const CellGroup& group) {
    entries += group.connectivity.count + group.count;
    narrow = narrow && dtype_bytes(group.connectivity.dtype) <= 4;
  };
  for (const auto& group : mesh.cells) look(group);
  if (mesh.faces) {
    look(*mesh.faces);
    entries *= 4;  // most faces belong to two cells
  }
  return narrow && entries < INT32_MAX && mesh.nodes < INT32_MAX;
}

template <class Index>
Cells<Index> build_cells(const MeshInput& mesh) {
  Cells<Index> out;
  out.offsets.push_back(0);
  std::optional<Rows<Index>> faces;
  if (mesh.faces) {
    faces.emplace(*mesh.faces);
    out.face_offsets.push_back(0);
  }
  for (const auto& group : mesh.cells) {
    const Rows<Index> rows(group);
    for (int64_t i = 0; i < group.count; ++i) {
      const uint8_t type = rows.type(i);
      if (type == kPolyhedron) {
        add_polyhedron(rows, i, *faces, group.path, out);
      } else {
        out.connectivity.insert(out.connectivity.end(), rows.begin(i), rows.end(i));
      }
      out.types.push_back(type);
      out.offsets.push_back(static_cast<Index>(out.connectivity.size()));
      if (faces) out.face_offsets.push_back(static_cast<Index>(out.faces.size()));
    }
  }
  return out;
}
template Cells<int32_t> build_cells(const MeshInput&);
template Cells<int64_t> build_cells(const MeshInput&);

}  // namespace gaussitu::catalyst
