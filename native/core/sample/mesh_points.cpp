#include "sample/mesh_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "sample/array_reader.hpp"
#include "sample/sample_set.hpp"

namespace gaussitu {
namespace {

[[noreturn]] void fail(const std::string& message) {
  throw Error(Code::invalid_argument, message);
}

size_t product(const std::array<size_t, 3>& n) {
  size_t total = 1;
  for (const size_t k : n)
    if (__builtin_mul_overflow(total, k, &total) || total >= kNoSource)
      fail("Expected fewer than 4294967295 values in one block but received dims " + std::to_string(n[0]) +
           " x " + std::to_string(n[1]) + " x " + std::to_string(n[2]) + "; cut the block");
  return total;
}

void expect_points(const MeshView& mesh, const char* what, size_t nodes) {
  if (mesh.points.count != 3 * nodes || (mesh.points.data == nullptr && nodes > 0))
    fail(std::string("Expected ") + std::to_string(3 * nodes) + " point coordinates for " + what +
         " but received " + std::to_string(mesh.points.data ? mesh.points.count : 0));
}

int64_t index_at(const void* indices, uint8_t bytes, size_t i) {
  if (bytes == 8) {
    int64_t v;
    std::memcpy(&v, static_cast<const char*>(indices) + 8 * i, 8);
    return v;
  }
  int32_t v;
  std::memcpy(&v, static_cast<const char*>(indices) + 4 * i, 4);
  return v;
}

void check_cells(const MeshView& m, size_t nodes) {
  if (m.cells == 0) return;
  if (m.index_bytes != 4 && m.index_bytes != 8)
    fail("Expected connectivity of 4 or 8 bytes per index but received " + std::to_string(m.index_bytes));
  if (m.connectivity == nullptr || m.offsets == nullptr)
    fail("Expected connectivity and offsets for an unstructured mesh of " + std::to_string(m.cells) +
         " cells but received none");
  int64_t last = index_at(m.offsets, m.index_bytes, 0);
  if (last != 0) fail("Expected cell offsets to start at 0 but received " + std::to_string(last));
  for (size_t c = 1; c <= m.cells; c++) {
    const int64_t next = index_at(m.offsets, m.index_bytes, c);
    if (next <= last || static_cast<uint64_t>(next) > m.connectivity_count)
      fail("Expected increasing cell offsets of at most " + std::to_string(m.connectivity_count) +
           " but received " + std::to_string(next) + " after " + std::to_string(last) + " at cell " +
           std::to_string(c - 1));
    last = next;
  }
  for (size_t i = 0; i < static_cast<size_t>(last); i++) {
    const int64_t node = index_at(m.connectivity, m.index_bytes, i);
    if (node < 0 || static_cast<uint64_t>(node) >= nodes)
      fail("Expected node indices in [0, " + std::to_string(nodes) + ") but received " +
           std::to_string(node) + " at connectivity position " + std::to_string(i));
  }
}

MeshShape check_grid(const MeshView& m, Association association) {
  MeshShape s;
  for (int k = 0; k < 3; k++) {
    const size_t n = m.dims[k], ghosts = size_t{m.ghost[2 * k]} + m.ghost[2 * k + 1];
    s.all[k] = association == Association::cell && n > 1 ? n - 1 : n;
    s.low[k] = m.ghost[2 * k];
    if (ghosts > s.all[k])
      fail("Expected at most " + std::to_string(s.all[k]) + " ghost layers on axis " + std::to_string(k) +
           " but received " + std::to_string(ghosts));
    s.inner[k] = s.all[k] - ghosts;
  }
  product({m.dims[0], m.dims[1], m.dims[2]});
  if (m.kind == MeshKind::uniform) {
    for (int k = 0; k < 3; k++)
      if (!std::isfinite(m.origin[k]) || !std::isfinite(m.spacing[k]) || (m.dims[k] > 1 && m.spacing[k] == 0))
        fail("Expected a finite origin and a finite spacing other than 0 on axis " + std::to_string(k) +
             " but received " + std::to_string(m.origin[k]) + " and " + std::to_string(m.spacing[k]));
  } else if (m.kind == MeshKind::rectilinear) {
    for (int k = 0; k < 3; k++)
      if (m.axis[k].count != m.dims[k] || (m.axis[k].data == nullptr && m.dims[k] > 0))
        fail("Expected " + std::to_string(m.dims[k]) + " node coordinates on axis " + std::to_string(k) +
             " but received " + std::to_string(m.axis[k].data ? m.axis[k].count : 0));
  } else {
    expect_points(m, "a curvilinear grid", product({m.dims[0], m.dims[1], m.dims[2]}));
  }
  return s;
}

// Position along one axis of a uniform or rectilinear grid, of node or cell i of the array with ghosts.
double along(const MeshView& m, Association association, int k, size_t i) {
  const bool centre = association == Association::cell && m.dims[k] > 1;
  if (m.kind == MeshKind::uniform)
    return m.origin[k] + m.spacing[k] * (static_cast<double>(i) + (centre ? 0.5 : 0.0));
  const double a = element(m.axis[k], i);
  return centre ? 0.5 * (a + element(m.axis[k], i + 1)) : a;
}

double curvilinear(const MeshView& m, Association association, int axis, size_t i, size_t j, size_t k) {
  const size_t nx = m.dims[0], ny = m.dims[1];
  if (association == Association::node) return element(m.points, 3 * ((k * ny + j) * nx + i) + axis);
  double sum = 0;
  int corners = 0;
  for (size_t dk = 0; dk < (m.dims[2] > 1 ? 2u : 1u); dk++)
    for (size_t dj = 0; dj < (ny > 1 ? 2u : 1u); dj++)
      for (size_t di = 0; di < (nx > 1 ? 2u : 1u); di++, corners++)
        sum += element(m.points, 3 * (((k + dk) * ny + j + dj) * nx + i + di) + axis);
  return sum / corners;
}

void cell_centres(const MeshView& m, std::array<std::vector<double>, 3>& out) {
  std::vector<int64_t> nodes;
  for (size_t c = 0; c < m.cells; c++) {
    const auto begin = static_cast<size_t>(index_at(m.offsets, m.index_bytes, c)),
               end = static_cast<size_t>(index_at(m.offsets, m.index_bytes, c + 1));
    nodes.clear();
    for (size_t i = begin; i < end; i++) nodes.push_back(index_at(m.connectivity, m.index_bytes, i));
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    for (int k = 0; k < 3; k++) {
      double sum = 0;
      for (const int64_t n : nodes) sum += element(m.points, 3 * static_cast<size_t>(n) + k);
      out[k][c] = sum / static_cast<double>(nodes.size());
    }
  }
}

void expect_finite(const std::array<std::vector<double>, 3>& out) {
  for (int d = 0; d < 3; d++)
    for (size_t i = 0; i < out[d].size(); i++)
      if (!std::isfinite(out[d][i]))
        fail("Expected finite coordinates but received " + std::to_string(out[d][i]) + " at position " +
             std::to_string(i) + ", axis " + std::to_string(d));
}

}  // namespace

MeshShape check_mesh(const MeshView& m, Association association) {
  for (const ArrayView* a : {&m.axis[0], &m.axis[1], &m.axis[2], &m.points})
    if (a->stride == 0) fail("Expected a stride of at least 1 for coordinates but received 0");
  if (m.kind == MeshKind::uniform || m.kind == MeshKind::rectilinear || m.kind == MeshKind::curvilinear)
    return check_grid(m, association);
  if (m.kind != MeshKind::unstructured && m.kind != MeshKind::points)
    fail("Expected a mesh kind from 0 to 4 but received " + std::to_string(static_cast<int>(m.kind)));
  if (m.kind == MeshKind::points && association == Association::cell)
    fail("Expected node values on a mesh of bare points but received cell values: it has no cells");
  const size_t nodes = m.points.count / 3;
  expect_points(m, "an unstructured mesh (three per node)", nodes);
  if (association == Association::cell) check_cells(m, nodes);
  MeshShape s;
  s.all[0] = s.inner[0] = association == Association::cell ? m.cells : nodes;
  product(s.all);
  return s;
}

std::array<double, 3> first_value(const MeshView& m, Association association, const MeshShape& s) {
  return {along(m, association, 0, s.low[0]), along(m, association, 1, s.low[1]),
          along(m, association, 2, s.low[2])};
}

std::array<std::vector<double>, 3> world_axes(const MeshView& m, Association association,
                                              const MeshShape& s) {
  std::array<std::vector<double>, 3> out;
  for (int k = 0; k < 3; k++)
    for (size_t i = 0; i < s.inner[k]; i++) out[k].push_back(along(m, association, k, i + s.low[k]));
  expect_finite(out);
  return out;
}

std::array<std::vector<double>, 3> world_points(const MeshView& m, Association association,
                                                const MeshShape& s) {
  std::array<std::vector<double>, 3> out;
  for (auto& axis : out) axis.resize(s.total());
  if (m.kind == MeshKind::unstructured && association == Association::cell) {
    cell_centres(m, out);
  } else {
    size_t n = 0;
    for (size_t k = 0; k < s.inner[2]; k++)
      for (size_t j = 0; j < s.inner[1]; j++)
        for (size_t i = 0; i < s.inner[0]; i++, n++) {
          const size_t at[3] = {i + s.low[0], j + s.low[1], k + s.low[2]};
          for (int d = 0; d < 3; d++)
            out[d][n] = m.kind == MeshKind::curvilinear ? curvilinear(m, association, d, at[0], at[1], at[2])
                        : m.kind == MeshKind::uniform || m.kind == MeshKind::rectilinear
                            ? along(m, association, d, at[d])
                            : element(m.points, 3 * i + d);
        }
  }
  expect_finite(out);
  return out;
}

}  // namespace gaussitu
