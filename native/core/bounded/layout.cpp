#include "bounded/layout.hpp"

#include <algorithm>
#include <array>

namespace gaussitu {

namespace {

/// Sorted distinct coordinates, or empty as soon as there are more than `most`.
std::vector<double> distinct(const std::vector<double>& values, size_t most) {
  std::vector<double> sorted;
  for (size_t begin = 0; begin < values.size(); begin += 4096) {
    sorted.insert(sorted.end(), values.begin() + static_cast<std::ptrdiff_t>(begin),
                  values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size(), begin + 4096)));
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    if (sorted.size() > most) return {};
  }
  return sorted;
}

/// Coordinates that differ by rounding only (means of cell corners) are one; `spread` is the mesh's extent.
std::vector<double> merge_close(const std::vector<double>& sorted, double spread) {
  std::vector<double> starts;
  for (const double x : sorted)
    if (starts.empty() || x - starts.back() > 1e-6 * spread) starts.push_back(x);
  return starts;
}

size_t index_in(const std::vector<double>& starts, double x) {
  return static_cast<size_t>(std::upper_bound(starts.begin(), starts.end(), x) - starts.begin()) - 1;
}

/// Fills `grid` and `order` when the points are the nodes of a lattice, each exactly once.
bool find_lattice_order(const std::array<std::vector<double>, 3>& points, GridShape& grid,
                        std::vector<uint32_t>& order) {
  const size_t n = points[0].size();
  if (n < 8) return false;
  std::array<std::vector<double>, 3> axis;
  double spread = 0;
  for (const auto& p : points) {
    const auto [lo, hi] = std::minmax_element(p.begin(), p.end());
    spread = std::max(spread, *hi - *lo);
  }
  size_t nodes = 1;
  for (size_t k = 0; k < 3; k++) {
    // Rounding may split a coordinate into a few; far more than a lattice can have is none.
    const auto all = distinct(points[k], std::max<size_t>(n / 2, 4096));
    if (all.empty()) return false;
    axis[k] = merge_close(all, spread);
    if (axis[k].size() > n / nodes) return false;
    nodes *= axis[k].size();
  }
  if (nodes != n) return false;
  constexpr uint32_t kFree = 0xffffffffu;
  order.assign(n, kFree);
  for (size_t i = 0; i < n; i++) {
    const size_t at =
        index_in(axis[0], points[0][i]) +
        axis[0].size() * (index_in(axis[1], points[1][i]) + axis[1].size() * index_in(axis[2], points[2][i]));
    if (order[at] != kFree) return false;
    order[at] = static_cast<uint32_t>(i);
  }
  for (size_t k = 0; k < 3; k++) grid.dims[k] = static_cast<int64_t>(axis[k].size());
  return true;
}

}  // namespace

std::shared_ptr<const Layout> make_layout(const MeshView& mesh, Association association) {
  auto layout = std::make_shared<Layout>();
  layout->values = check_mesh(mesh, association);
  const size_t n = layout->size();
  for (size_t k = 0; k < 3; k++) layout->grid.dims[k] = static_cast<int64_t>(layout->values.inner[k]);
  layout->association = association;
  if (mesh.kind == MeshKind::uniform) {
    layout->mesh = mesh;
    return layout;
  }
  auto placed = std::make_shared<SampleSet>(make_samples(mesh, association, {}));
  placed->value = {};
  placed->weight = {};
  layout->placed = std::move(placed);
  if (mesh.kind != MeshKind::unstructured && mesh.kind != MeshKind::points) return layout;

  const auto points = world_points(mesh, association, layout->values);
  GridShape lattice;
  if (find_lattice_order(points, lattice, layout->order)) {
    layout->kind = LayoutKind::lattice;
    layout->grid = lattice;
    return layout;
  }
  layout->order.clear();
  layout->kind = LayoutKind::scattered;
  std::vector<double> interleaved(3 * n);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < 3; k++) interleaved[3 * i + k] = points[k][i];
  MeshGraph graph;
  if (mesh.kind == MeshKind::unstructured && mesh.cells > 0) {
    check_mesh(mesh, Association::cell);  // what connectivity says is read now, for nodes too
    graph = connectivity_graph(mesh, association);
  }
  layout->plan = plan_neighbours(interleaved, graph);
  return layout;
}

std::shared_ptr<const SampleSet> positions(const Layout& layout) {
  if (layout.placed || layout.mesh.kind != MeshKind::uniform || layout.values.total() == 0)
    return layout.placed;
  return std::make_shared<const SampleSet>(make_samples(layout.mesh, layout.association, {}));
}

std::shared_ptr<const Layout> make_layout(size_t count) {
  auto layout = std::make_shared<Layout>();
  layout->values.all = layout->values.inner = {count, 1, 1};
  layout->grid.dims = {static_cast<int64_t>(count), 1, 1};
  layout->mesh.kind = MeshKind::points;  // nowhere
  return layout;
}

}  // namespace gaussitu
