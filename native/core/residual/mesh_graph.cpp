#include "residual/mesh_graph.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/thread_pool.hpp"

namespace gaussitu {

namespace {

constexpr size_t kPart = 4096, kMostParts = 8;
constexpr size_t kMostNodes = 64;  // of a cell that makes links,
constexpr size_t kMostCells =
    1024;  // and of a node that tells which cells share a face: else time is squared

using Edge = std::array<uint8_t, 2>;

/// Edges of the linear VTK cells in which not every two nodes are joined.
std::span<const Edge> edges_of(uint8_t type) {
  static constexpr Edge quad[] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}};
  static constexpr Edge pixel[] = {{0, 1}, {1, 3}, {3, 2}, {2, 0}};
  static constexpr Edge voxel[] = {{0, 1}, {1, 3}, {3, 2}, {2, 0}, {4, 5}, {5, 7},
                                   {7, 6}, {6, 4}, {0, 4}, {1, 5}, {2, 6}, {3, 7}};
  static constexpr Edge hexahedron[] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {4, 5}, {5, 6},
                                        {6, 7}, {7, 4}, {0, 4}, {1, 5}, {2, 6}, {3, 7}};
  static constexpr Edge wedge[] = {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}, {0, 3}, {1, 4}, {2, 5}};
  static constexpr Edge pyramid[] = {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {0, 4}, {1, 4}, {2, 4}, {3, 4}};
  switch (type) {
    case 8:
      return pixel;
    case 9:
      return quad;
    case 11:
      return voxel;
    case 12:
      return hexahedron;
    case 13:
      return wedge;
    case 14:
      return pyramid;
    default:
      return {};
  }
}

/// Polylines and polygons: each node is joined to the one before and the one after.
bool is_ring(uint8_t type) {
  return type == 4 || type == 7;
}

/// How many nodes two cells must have in common to share a face: lines an end, flat cells an edge.
size_t face_nodes(uint8_t type) {
  switch (type) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 21:
      return 1;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 22:
    case 23:
      return 2;
    default:
      return 3;
  }
}

class Builder {
 public:
  explicit Builder(const MeshView& mesh) : mesh_(mesh), nodes_(mesh.points.count / 3) {
    first_.assign(nodes_ + 1, 0);
    auto each = [this](const auto& body) {
      for (size_t c = 0; c < mesh_.cells; c++)
        for (size_t i = offset(c); !is_large(c) && i < offset(c + 1); i++) body(c, node(i));
    };
    each([this](size_t, size_t n) { first_[n + 1]++; });
    for (size_t n = 0; n < nodes_; n++) first_[n + 1] += first_[n];
    cells_.resize(first_[nodes_]);
    auto next = first_;
    each([&](size_t c, size_t n) { cells_[next[n]++] = static_cast<uint32_t>(c); });
  }

  MeshGraph nodes() const {
    return collect(nodes_, [this](size_t n, auto& seen, auto add) {
      for (size_t k = first_[n]; k < first_[n + 1]; k++) {
        const size_t c = cells_[k], begin = offset(c), count = offset(c + 1) - begin;
        const auto edges = edges_of(mesh_.types ? mesh_.types[c] : 0);
        if (!edges.empty()) {
          for (const Edge& e : edges) {
            if (std::max(e[0], e[1]) >= count) continue;
            if (node(begin + e[0]) == n) add(node(begin + e[1]), seen);
            if (node(begin + e[1]) == n) add(node(begin + e[0]), seen);
          }
        } else if (!is_ring(mesh_.types ? mesh_.types[c] : 0)) {
          for (size_t i = 0; i < count; i++) add(node(begin + i), seen);
        } else {
          for (size_t i = 0; i < count; i++)
            if (node(begin + i) == n) {
              add(node(begin + (i + 1) % count), seen);
              add(node(begin + (i + count - 1) % count), seen);
            }
        }
      }
    });
  }

  MeshGraph cells() const {
    return collect(mesh_.cells, [this](size_t c, auto& seen, auto add) {
      const size_t needed = face_nodes(mesh_.types ? mesh_.types[c] : 0);
      std::vector<uint32_t>& met = seen.list;
      met.clear();
      for (size_t i = offset(c); !is_large(c) && i < offset(c + 1); i++) {
        const size_t n = node(i);
        bool again = false;  // a degenerate cell names a node twice
        for (size_t j = offset(c); j < i; j++) again = again || node(j) == n;
        if (again || first_[n + 1] - first_[n] > kMostCells) continue;
        for (size_t k = first_[n]; k < first_[n + 1]; k++) {
          if (k > first_[n] && cells_[k] == cells_[k - 1]) continue;
          if (seen.count[cells_[k]]++ == 0) met.push_back(cells_[k]);
        }
      }
      std::sort(met.begin(), met.end());
      for (const uint32_t other : met) {
        if (seen.count[other] >= needed) add(other, seen);
        seen.count[other] = 0;
      }
    });
  }

 private:
  struct Seen {
    std::vector<uint32_t> stamp;  // who met a point last, plus one
    std::vector<uint32_t> count;  // nodes that a cell has in common with this one
    std::vector<uint32_t> list;   // cells met
    std::vector<uint32_t> out, degree;
  };

  bool is_large(size_t c) const { return offset(c + 1) - offset(c) > kMostNodes; }
  size_t offset(size_t c) const { return index(mesh_.offsets, c); }
  size_t node(size_t i) const { return index(mesh_.connectivity, i); }
  size_t index(const void* indices, size_t i) const {
    if (mesh_.index_bytes == 8) {
      int64_t v;
      std::memcpy(&v, static_cast<const char*>(indices) + 8 * i, 8);
      return static_cast<size_t>(v);
    }
    int32_t v;
    std::memcpy(&v, static_cast<const char*>(indices) + 4 * i, 4);
    return static_cast<size_t>(v);
  }

  /// visit(point, seen, add) for every point, in a few parallel parts.
  template <class Visit>
  MeshGraph collect(size_t points, const Visit& visit) const {
    const size_t parts = std::min(kMostParts, points / kPart + 1);
    std::vector<Seen> all(parts);
    parallel_for(parts, [&](size_t part) {
      Seen& seen = all[part];
      seen.stamp.assign(points, 0);
      seen.count.assign(points, 0);
      for (size_t i = points * part / parts; i < points * (part + 1) / parts; i++) {
        const size_t before = seen.out.size();
        seen.stamp[i] = static_cast<uint32_t>(i + 1);
        visit(i, seen, [i](size_t other, Seen& s) {
          if (s.stamp[other] == i + 1) return;
          s.stamp[other] = static_cast<uint32_t>(i + 1);
          s.out.push_back(static_cast<uint32_t>(other));
        });
        seen.degree.push_back(static_cast<uint32_t>(seen.out.size() - before));
      }
      seen.stamp = {};
      seen.count = {};
    });
    MeshGraph graph;
    graph.first.push_back(0);
    for (const Seen& seen : all) {
      for (const uint32_t degree : seen.degree) graph.first.push_back(graph.first.back() + degree);
      graph.to.insert(graph.to.end(), seen.out.begin(), seen.out.end());
    }
    return graph;
  }

  const MeshView& mesh_;
  const size_t nodes_;
  std::vector<uint64_t> first_;  // [nodes + 1] into cells_
  std::vector<uint32_t> cells_;  // the cells of each node
};

}  // namespace

MeshGraph connectivity_graph(const MeshView& mesh, Association association) {
  if (mesh.kind != MeshKind::unstructured || mesh.cells == 0) return {};
  const Builder builder(mesh);
  return association == Association::node ? builder.nodes() : builder.cells();
}

}  // namespace gaussitu
