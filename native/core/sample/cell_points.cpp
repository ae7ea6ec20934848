#include "sample/cell_points.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/thread_pool.hpp"
#include "sample/array_reader.hpp"

namespace gaussitu {
namespace {

size_t index_at(const void* indices, uint8_t bytes, size_t i) {
  if (bytes == 8) {
    int64_t v;
    std::memcpy(&v, static_cast<const char*>(indices) + 8 * i, 8);
    return static_cast<size_t>(v);
  }
  int32_t v;
  std::memcpy(&v, static_cast<const char*>(indices) + 4 * i, 4);
  return static_cast<size_t>(v);
}

// Uniform in [0, 1), the same for the same key everywhere: splitmix64.
double uniform(uint64_t key) {
  key += 0x9e3779b97f4a7c15u;
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((key ^ (key >> 31)) >> 11) * 0x1p-53;
}

// Linear shape functions [8] of a VTK cell at local coordinates drawn from r, s, t in [0, 1); returns the
// number of corners, 0 for cells that are not known.
size_t shape_functions(uint8_t type, double r, double s, double t, double n[8]) {
  switch (type) {
    case 5:  // triangle: the unit square folded over its diagonal
      if (r + s > 1) r = 1 - r, s = 1 - s;
      n[0] = 1 - r - s, n[1] = r, n[2] = s;
      return 3;
    case 10: {  // tetrahedron: the unit cube folded into it (Rocchini and Cignoni 2000)
      if (r + s > 1) r = 1 - r, s = 1 - s;
      const double old = t;
      if (s + t > 1)
        t = 1 - r - s, s = 1 - old;
      else if (r + s + t > 1)
        t = r + s + t - 1, r = 1 - s - old;
      n[0] = 1 - r - s - t, n[1] = r, n[2] = s, n[3] = t;
      return 4;
    }
    case 9:  // quadrilateral
      n[0] = (1 - r) * (1 - s), n[1] = r * (1 - s), n[2] = r * s, n[3] = (1 - r) * s;
      return 4;
    case 11:    // voxel
    case 12: {  // hexahedron
      const double q[4] = {(1 - r) * (1 - s), r * (1 - s), r * s, (1 - r) * s};
      for (int k = 0; k < 4; k++) {
        const int to = type == 11 && k >= 2 ? 5 - k : k;  // a voxel counts its nodes along the axes
        n[to] = q[k] * (1 - t);
        n[to + 4] = q[k] * t;
      }
      return 8;
    }
    case 13: {  // wedge
      if (r + s > 1) r = 1 - r, s = 1 - s;
      const double q[3] = {1 - r - s, r, s};
      for (int k = 0; k < 3; k++) n[k] = q[k] * (1 - t), n[k + 3] = q[k] * t;
      return 6;
    }
    case 14: {  // pyramid: denser towards the base, as its volume is
      t = 1 - std::cbrt(t);
      const double q[4] = {(1 - r) * (1 - s), r * (1 - s), r * s, (1 - r) * s};
      for (int k = 0; k < 4; k++) n[k] = q[k] * (1 - t);
      n[4] = t;
      return 5;
    }
    default:
      return 0;
  }
}

}  // namespace

CellPoints points_inside(const MeshView& m, Association association, const ArrayView& values, size_t wanted) {
  CellPoints out;
  if (m.cells == 0 || m.types == nullptr) return out;
  const double mean = static_cast<double>(wanted) / static_cast<double>(m.cells);
  for (auto* v : {&out.at[0], &out.at[1], &out.at[2], &out.value}) v->reserve(wanted + wanted / 64);
  for (size_t c = 0; c < m.cells; c++) {
    const size_t begin = index_at(m.offsets, m.index_bytes, c),
                 end = index_at(m.offsets, m.index_bytes, c + 1);
    const auto draws = static_cast<size_t>(mean + uniform(4 * c));
    for (size_t d = 0; d < draws; d++) {
      const uint64_t key = (uint64_t{c} << 24) + 4 * d;
      double n[8];
      const size_t corners =
          shape_functions(m.types[c], uniform(key + 1), uniform(key + 2), uniform(key + 3), n);
      if (corners == 0 || corners != end - begin) break;
      double at[3] = {}, value = 0;
      for (size_t k = 0; k < corners; k++) {
        const size_t node = index_at(m.connectivity, m.index_bytes, begin + k);
        for (int axis = 0; axis < 3; axis++) at[axis] += n[k] * element(m.points, 3 * node + axis);
        if (association == Association::node) value += n[k] * element(values, node);
      }
      if (association == Association::cell) value = element(values, c);
      if (!std::isfinite(value)) break;
      for (int axis = 0; axis < 3; axis++) out.at[axis].push_back(at[axis]);
      out.value.push_back(value);
    }
  }
  return out;
}

CellPoints points_outside(const MeshView& m, size_t wanted) {
  CellPoints out;
  const size_t nodes = m.points.count / 3;
  if (m.cells == 0 || nodes == 0 || wanted == 0) return out;
  double lo[3], size[3], step[3];
  size_t n[3];
  double volume = 1;
  for (int k = 0; k < 3; k++) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (size_t i = 0; i < nodes; i++) {
      low = std::min(low, element(m.points, 3 * i + k));
      high = std::max(high, element(m.points, 3 * i + k));
    }
    lo[k] = low;
    size[k] = high - low;
    if (!(size[k] > 0)) return out;  // a flat mesh has an outside everywhere
    volume *= size[k] / size[0];
  }
  // About as many voxels as cells, at most 2^24; one more layer around.
  const double voxels = std::min(static_cast<double>(m.cells), 16e6);
  const double edge = size[0] * std::cbrt(volume / voxels);
  for (int k = 0; k < 3; k++) {
    n[k] = static_cast<size_t>(std::clamp(std::ceil(size[k] / edge), 1.0, 1e6)) + 2;
    step[k] = size[k] / static_cast<double>(n[k] - 2);
    lo[k] -= step[k];
  }
  if (static_cast<double>(n[0]) * static_cast<double>(n[1]) * static_cast<double>(n[2]) > 64e6) return out;
  std::vector<uint8_t> near(n[0] * n[1] * n[2], 0);  // 3: touched by a cell; 2, 1: steps from one
  const auto at = [&](size_t i, size_t j, size_t k) -> uint8_t& { return near[(k * n[1] + j) * n[0] + i]; };
  for (size_t c = 0; c < m.cells; c++) {
    const size_t begin = index_at(m.offsets, m.index_bytes, c),
                 end = index_at(m.offsets, m.index_bytes, c + 1);
    size_t first[3], last[3];
    for (int k = 0; k < 3; k++) {
      double low = std::numeric_limits<double>::infinity(), high = -low;
      for (size_t p = begin; p < end; p++) {
        const double x = element(m.points, 3 * index_at(m.connectivity, m.index_bytes, p) + k);
        low = std::min(low, x);
        high = std::max(high, x);
      }
      const auto voxel = [&](double x) {
        return static_cast<size_t>(std::clamp((x - lo[k]) / step[k], 0.0, static_cast<double>(n[k] - 1)));
      };
      first[k] = voxel(low);
      last[k] = voxel(high);
    }
    for (size_t k = first[2]; k <= last[2]; k++)
      for (size_t j = first[1]; j <= last[1]; j++)
        for (size_t i = first[0]; i <= last[0]; i++) at(i, j, k) = 3;
  }
  for (const uint8_t level : {3, 2})
    for (size_t k = 0; k < n[2]; k++)
      for (size_t j = 0; j < n[1]; j++)
        for (size_t i = 0; i < n[0]; i++) {
          if (at(i, j, k) != level) continue;
          const auto spread = [&](size_t a, size_t b, size_t c) {
            if (a < n[0] && b < n[1] && c < n[2] && at(a, b, c) == 0) at(a, b, c) = level - 1;
          };
          spread(i - 1, j, k), spread(i + 1, j, k), spread(i, j - 1, k);
          spread(i, j + 1, k), spread(i, j, k - 1), spread(i, j, k + 1);
        }
  size_t found = 0;
  for (const uint8_t v : near) found += v == 1 || v == 2;
  const double share = static_cast<double>(wanted) / static_cast<double>(std::max<size_t>(found, 1));
  for (size_t k = 0; k < n[2]; k++)
    for (size_t j = 0; j < n[1]; j++)
      for (size_t i = 0; i < n[0]; i++) {
        const size_t cell = (k * n[1] + j) * n[0] + i;
        if ((near[cell] != 1 && near[cell] != 2) || uniform(4 * cell) >= share) continue;
        const size_t place[3] = {i, j, k};
        for (int d = 0; d < 3; d++)
          out.at[d].push_back(lo[d] + (static_cast<double>(place[d]) + uniform(4 * cell + 1 + d)) * step[d]);
      }
  return out;
}

}  // namespace gaussitu
