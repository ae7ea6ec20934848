#include "sample/cell_points.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "encode/encode.hpp"
#include "fields.hpp"
#include "query/query.hpp"
#include "stream/payload.hpp"

using namespace gaussitu;

namespace {

struct Cells {
  std::vector<float> points;
  std::vector<int32_t> connectivity, offsets{0};
  std::vector<uint8_t> types;

  void add(uint8_t type, const std::vector<int32_t>& nodes) {
    connectivity.insert(connectivity.end(), nodes.begin(), nodes.end());
    offsets.push_back(static_cast<int32_t>(connectivity.size()));
    types.push_back(type);
  }
  MeshView view() const { return fields::cells(points, connectivity, offsets, types); }
};

// One cell of each kind, corners of a distorted cube with a tip.
Cells all_kinds() {
  Cells c;
  c.points = {0, 0, 0, 1, 0, 0.1f, 1.2f, 1, 0, 0, 1,    0,    0, 0.1f,
              1, 1, 0, 1, 1, 1,    1.3f, 0, 1, 1, 0.5f, 0.5f, 2};
  c.add(10, {0, 1, 3, 4});
  c.add(12, {0, 1, 2, 3, 4, 5, 6, 7});
  c.add(11, {0, 1, 3, 2, 4, 5, 7, 6});
  c.add(13, {0, 1, 3, 4, 5, 7});
  c.add(14, {4, 5, 6, 7, 8});
  c.add(5, {0, 1, 2});
  c.add(9, {0, 1, 2, 3});
  return c;
}

// A block of n^3 hexahedra without those that `hole` names.
template <class Hole>
Cells block(int n, const Hole& hole) {
  Cells c;
  for (int k = 0; k <= n; k++)
    for (int j = 0; j <= n; j++)
      for (int i = 0; i <= n; i++)
        for (const int x : {i, j, k}) c.points.push_back(static_cast<float>(x));
  const auto node = [&](int i, int j, int k) { return (k * (n + 1) + j) * (n + 1) + i; };
  for (int k = 0; k < n; k++)
    for (int j = 0; j < n; j++)
      for (int i = 0; i < n; i++) {
        if (hole(i, j, k)) continue;
        std::vector<int32_t> nodes;
        for (const int z : {k, k + 1})
          for (const auto& [x, y] : {std::pair{i, j}, {i + 1, j}, {i + 1, j + 1}, {i, j + 1}})
            nodes.push_back(node(x, y, z));
        c.add(12, nodes);
      }
  return c;
}

}  // namespace

TEST_CASE("points inside cells of every kind carry the linear field exactly") {
  const Cells cells = all_kinds();
  std::vector<float> values;
  for (size_t i = 0; i < cells.points.size(); i += 3)
    values.push_back(1 + 2 * cells.points[i] - 3 * cells.points[i + 1] + 0.5f * cells.points[i + 2]);
  const CellPoints p = points_inside(cells.view(), Association::node, fields::view(values), 700);
  REQUIRE(p.count() == 700);
  for (size_t i = 0; i < p.count(); i++) {
    CHECK(p.value[i] ==
          doctest::Approx(1 + 2 * p.at[0][i] - 3 * p.at[1][i] + 0.5 * p.at[2][i]).epsilon(1e-5));
    for (int k = 0; k < 3; k++) CHECK((p.at[k][i] >= 0 && p.at[k][i] <= (k == 2 ? 2 : 1.3)));
  }
}

TEST_CASE("points in a tetrahedron are spread evenly over its volume") {
  Cells c;
  c.points = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  c.add(10, {0, 1, 2, 3});
  const std::vector<float> values{0, 0, 0, 0};
  const CellPoints p = points_inside(c.view(), Association::node, fields::view(values), 4000);
  double mean[4] = {};
  for (size_t i = 0; i < p.count(); i++) {
    const double b[4] = {p.at[0][i], p.at[1][i], p.at[2][i], 1 - p.at[0][i] - p.at[1][i] - p.at[2][i]};
    for (int k = 0; k < 4; k++) {
      CHECK(b[k] >= -1e-12);
      mean[k] += b[k] / static_cast<double>(p.count());
    }
  }
  for (const double m : mean) CHECK(m == doctest::Approx(0.25).epsilon(0.05));
}

TEST_CASE(
    "a cell's own value holds throughout; unknown cells and values that are not finite give no points") {
  const Cells cells = all_kinds();
  std::vector<float> values{1, 2, 3, std::numeric_limits<float>::quiet_NaN(), 5, 6, 7};
  const CellPoints p = points_inside(cells.view(), Association::cell, fields::view(values), 70);
  CHECK(p.count() == 60);
  for (const double v : p.value) CHECK(v == std::round(v));
  Cells polyhedron = all_kinds();
  for (auto& type : polyhedron.types) type = 42;
  CHECK(points_inside(polyhedron.view(), Association::cell, fields::view(values), 70).count() == 0);
}

TEST_CASE("points outside lie near the mesh and in no cell") {
  const auto hole = [](int i, int j, int k) { return i >= 3 && i < 7 && j >= 3 && j < 7 && k >= 3 && k < 7; };
  const Cells cells = block(10, hole);
  const CellPoints p = points_outside(cells.view(), 2000);
  REQUIRE(p.count() > 300);
  size_t within_hole = 0;
  for (size_t i = 0; i < p.count(); i++) {
    const double x = p.at[0][i], y = p.at[1][i], z = p.at[2][i];
    const bool in_block = x >= 0 && y >= 0 && z >= 0 && x <= 10 && y <= 10 && z <= 10;
    const bool in_hole = x >= 3 && y >= 3 && z >= 3 && x <= 7 && y <= 7 && z <= 7;
    CHECK((!in_block || in_hole));
    within_hole += in_hole;
  }
  CHECK(within_hole > 0);
}

TEST_CASE("a model trained on a mesh with a hole knows the hole from the rest") {
  const auto hole = [](int i, int j, int k) {
    return i >= 4 && i < 12 && j >= 4 && j < 12 && k >= 4 && k < 12;
  };
  const Cells cells = block(16, hole);
  std::vector<float> values;  // of cells: the nodes within the hole belong to none
  for (int k = 0; k < 16; k++)
    for (int j = 0; j < 16; j++)
      for (int i = 0; i < 16; i++)
        if (!hole(i, j, k))
          values.push_back(std::sin(0.5f * static_cast<float>(i)) + std::cos(0.4f * static_cast<float>(j)));
  EncodeSettings settings;
  settings.target.gaussians = 400;
  settings.iterations = 30;
  const EncodeResult result =
      encode(cells.view(), Association::cell, fields::view(values), settings, Control{});
  const Model model = decode_payload(result.payload);
  std::vector<float> probes;
  for (int k = 0; k < 16; k++)
    for (int j = 0; j < 16; j++)
      for (int i = 0; i < 16; i++)
        for (const int x : {i, j, k}) probes.push_back(static_cast<float>(x) + 0.5f);
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(probes);
  const auto at = query<float>(QueryModel(model), find_places(model.domain, mesh, Association::node));
  size_t both = 0, either = 0;
  for (int k = 0, n = 0; k < 16; k++)
    for (int j = 0; j < 16; j++)
      for (int i = 0; i < 16; i++, n++) {
        const bool truth = !hole(i, j, k);
        both += truth && at.inside[n];
        either += truth || at.inside[n];
      }
  CHECK(static_cast<double>(both) / static_cast<double>(either) > 0.9);
}
