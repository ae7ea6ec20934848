#include "query/query.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "everywhere.hpp"
#include "fields.hpp"
#include "model/evaluate.hpp"

using namespace gaussitu;

namespace {

Domain box(double x, double y, double z) {
  Domain d;
  d.extent = {x, y, z};
  return d;
}

Places points_in(const Domain& d, const std::vector<float>& p) {
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(p);
  return find_places(d, mesh, Association::node);
}

// n points in the box and around it.
std::vector<float> around(const Domain& d, size_t n, double border, uint64_t seed = 1) {
  fields::Random random(seed);
  std::vector<float> p;
  for (size_t i = 0; i < n; i++)
    for (int k = 0; k < 3; k++) p.push_back(static_cast<float>(random.in(-border, d.extent[k] + border)));
  return p;
}

bool same(float a, float b) {
  return std::memcmp(&a, &b, 4) == 0;
}

// Values, inside and gradients against the slow definitions, bit for bit; value_range 1 from 0, scale 1.
void check_against_reference(const Model& m, const std::vector<float>& p, double expected_points = 1e30) {
  const QueryModel q(m, expected_points);
  const auto got = query<float>(q, points_in(m.domain, p), true);
  size_t differ = 0;
  for (size_t i = 0; i < p.size() / 3; i++) {
    float cover, gradient[3];
    const float f = evaluate_reference(m, p[3 * i], p[3 * i + 1], p[3 * i + 2], &cover);
    gradient_reference(m, p[3 * i], p[3 * i + 1], p[3 * i + 2], gradient);
    differ += !same(got.values[i], f) || got.inside[i] != (cover > 0 && cover >= m.coverage);
    for (int k = 0; k < 3; k++) differ += !same(got.gradient[3 * i + k], gradient[k]);
  }
  CHECK(differ == 0);
}

double plain(const Model& m, const double at[3]) {
  double n = double{kBackground} * m.mean, d = kBackground;
  for (size_t i = 0; i < m.count(); i++) {
    const double dx = at[0] - m.mu[0][i], dy = at[1] - m.mu[1][i], dz = at[2] - m.mu[2][i];
    const double t0 = m.a[0][i] * dx + m.a[1][i] * dy + m.a[2][i] * dz, t1 = m.a[3][i] * dy + m.a[4][i] * dz,
                 t2 = m.a[5][i] * dz;
    const double w = std::pow(std::max(0.0, 1 - (t0 * t0 + t1 * t1 + t2 * t2) / 8), 4);
    n += w * m.v[i];
    d += w;
  }
  return n / d;
}

}  // namespace

TEST_CASE("points get the bits of the slow definition, values and gradients") {
  const Domain d = box(40, 25, 12);
  for (const double sigma : {0.3, 1.0, 4.0, 50.0}) {
    CAPTURE(sigma);
    Model m = fields::random_model(150, d, sigma);
    m.coverage = 0.2f;
    for (const size_t n : {1, 7, 40, 3000}) check_against_reference(m, around(d, n, 3 * sigma));
    check_against_reference(m, around(d, 500, 1), 500);  // larger cells
  }
}

TEST_CASE("needles and sheets at odd angles are found from everywhere") {
  const Domain d = box(48, 40, 24);
  Model m = fields::random_model(200, d, 2);
  fields::Random random(5);
  for (size_t i = 0; i < m.count(); i++)
    for (const int k : {1, 2, 4}) m.a[k][i] *= static_cast<float>(random.in(-30, 30));
  check_against_reference(m, around(d, 3000, 5));
  check_against_reference(m, around(d, 200, 100));
}

TEST_CASE("flat, thin and pointlike domains") {
  for (const Domain& d : {box(60, 40, 0), box(0, 30, 0), box(0, 0, 0), box(900, 3, 0.01)}) {
    check_against_reference(fields::random_model(50, d, 2), around(d, 400, 3));
  }
}

TEST_CASE("answers are the same bits on every instruction set and thread count") {
  const Domain d = box(30, 20, 10);
  const Model m = fields::random_model(100, d, 3);
  const auto p = around(d, 40000, 4);
  check_same_bits_everywhere([&] {
    const QueryModel q(m);
    const auto out = query<float>(q, points_in(d, p), true);
    std::vector<float> all(out.values.begin(), out.values.end());
    all.insert(all.end(), out.gradient.begin(), out.gradient.end());
    all.insert(all.end(), out.inside.begin(), out.inside.end());
    return all;
  });
}

TEST_CASE("the gradient is that of the plain formula, by finite differences, in world units") {
  Domain d = box(30, 20, 10);
  d.origin = {100, -7, 3};
  d.scale = {2, -4, 0.5};
  Model m = fields::random_model(120, d, 2.5);
  m.value_min = -1;
  m.value_range = 12;
  std::vector<double> world;
  fields::Random random(3);
  for (int i = 0; i < 300; i++)
    for (int k = 0; k < 3; k++) world.push_back(d.origin[k] + random.in(0, d.extent[k]) / d.scale[k]);
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(world);
  const auto got = query<double>(QueryModel(m), find_places(d, mesh, Association::node), true);
  for (size_t i = 0; i < 300; i++)
    for (int k = 0; k < 3; k++) {
      double at[3], beside[3];
      for (int a = 0; a < 3; a++) at[a] = (world[3 * i + a] - d.origin[a]) * d.scale[a];
      std::copy(at, at + 3, beside);
      const double h = 1e-4;
      at[k] += h;
      beside[k] -= h;
      const double slope = (plain(m, at) - plain(m, beside)) / (2 * h) * d.scale[k] * m.value_range;
      CHECK(got.gradient[3 * i + k] == doctest::Approx(slope).epsilon(1e-3).scale(5));
    }
}

TEST_CASE("a grid of any resolution has the values of its points") {
  const Domain d = box(31, 19, 7);
  const Model m = fields::random_model(80, d, 2);
  const QueryModel q(m);
  for (const std::array<uint32_t, 3> dims :
       {std::array<uint32_t, 3>{32, 20, 8}, {101, 3, 17}, {1, 1, 200}, {9, 64, 1}}) {
    MeshView grid;
    grid.dims = dims;
    std::vector<double> p;
    for (int k = 0; k < 3; k++) {
      grid.spacing[k] = (d.extent[k] + 4) / dims[k];
      grid.origin[k] = -2;
    }
    if (dims[0] == 32) grid.spacing = {1, 1, 1}, grid.origin = {0, 0, 0};
    for (uint32_t k = 0; k < dims[2]; k++)
      for (uint32_t j = 0; j < dims[1]; j++)
        for (uint32_t i = 0; i < dims[0]; i++) {
          const uint32_t at[3] = {i, j, k};
          for (int a = 0; a < 3; a++) p.push_back(grid.origin[a] + grid.spacing[a] * at[a]);
        }
    MeshView points;
    points.kind = MeshKind::points;
    points.points = fields::view(p);
    const auto on = query<double>(q, find_places(d, grid, Association::node), true);
    const auto at = query<double>(q, find_places(d, points, Association::node), true);
    REQUIRE(on.values.size() == p.size() / 3);
    CHECK(on.values == at.values);
    CHECK(on.inside == at.inside);
    CHECK(on.gradient == at.gradient);
  }
}

TEST_CASE("a grid whose axes run backwards") {
  const Domain d = box(20, 10, 5);
  const QueryModel q(fields::random_model(40, d, 2));
  MeshView up, down;
  up.dims = down.dims = {21, 11, 6};
  down.spacing = {-1, 1, 1};
  down.origin = {20, 0, 0};
  const auto a = query<float>(q, find_places(d, up, Association::node));
  const auto b = query<float>(q, find_places(d, down, Association::node));
  for (size_t row = 0; row < 66; row++)
    for (size_t i = 0; i < 21; i++) CHECK(a.values[21 * row + i] == b.values[21 * row + 20 - i]);
}

TEST_CASE("a box of indices has the values of the whole grid there") {
  const Domain d = box(20, 16, 9);
  const QueryModel q(fields::random_model(60, d, 2));
  std::vector<double> axis[3], points;
  MeshView grid, stretched, curved;
  grid.dims = {23, 17, 12};  // with a ghost layer here and there
  grid.ghost = {1, 1, 0, 0, 0, 2};
  grid.origin = {-1, 0, 0};
  stretched = curved = grid;
  stretched.kind = MeshKind::rectilinear;
  curved.kind = MeshKind::curvilinear;
  for (int k = 0; k < 3; k++) {
    for (uint32_t i = 0; i < grid.dims[k]; i++) axis[k].push_back(0.9 * i + 0.003 * i * i);
    stretched.axis[k] = fields::view(axis[k]);
  }
  for (uint32_t i = 0; i < 23 * 17 * 12; i++)
    for (const double x : {axis[0][i % 23] + 0.1 * (i % 7), axis[1][i / 23 % 17], axis[2][i / 391]})
      points.push_back(x);
  curved.points = fields::view(points);
  const IndexBox part{{2, 0, 5}, {20, 17, 9}};
  for (const MeshView& mesh : {grid, stretched, curved})
    for (const Association at : {Association::node, Association::cell}) {
      const size_t nx = at == Association::node ? 21 : 20, ny = at == Association::node ? 17 : 16;
      const IndexBox box{part.first, {20, ny, 9}};
      const auto whole = query<float>(q, find_places(d, mesh, at)),
                 some = query<float>(q, find_places(d, mesh, at, &box));
      REQUIRE(some.values.size() == 18 * ny * 4);
      size_t n = 0, differ = 0;
      for (size_t k = 5; k < 9; k++)
        for (size_t j = 0; j < ny; j++)
          for (size_t i = 2; i < 20; i++) differ += some.values[n++] != whole.values[(k * ny + j) * nx + i];
      CHECK(differ == 0);
    }
  const IndexBox outside{{0, 0, 0}, {22, 1, 1}}, backwards{{5, 0, 0}, {4, 1, 1}};
  CHECK_THROWS_AS(find_places(d, grid, Association::node, &outside), Error);
  CHECK_THROWS_AS(find_places(d, grid, Association::node, &backwards), Error);
  const IndexBox empty{{5, 0, 0}, {5, 1, 1}};
  CHECK(query<float>(q, find_places(d, grid, Association::node, &empty)).values.empty());
}

TEST_CASE("a model without Gaussians is its mean everywhere, without slope") {
  Model m;
  m.domain = box(5, 5, 5);
  m.mean = 0.25f;
  m.value_range = 8;
  const auto got = query<double>(QueryModel(m), points_in(m.domain, around(m.domain, 100, 5)), true);
  for (const double v : got.values) CHECK(v == doctest::Approx(2));
  for (const double g : got.gradient) CHECK(g == 0);
  for (const uint8_t in : got.inside) CHECK(in == 1);
  CHECK(query<double>(QueryModel(m), points_in(m.domain, {})).values.empty());
}

TEST_CASE("points that are not numbers or too far away are refused, and far ones answered") {
  const Domain d = box(5, 5, 5);
  const Model m = fields::random_model(5, d, 1);
  for (const float x :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e35f})
    CHECK_THROWS_AS(query<float>(QueryModel(m), points_in(d, {1, x, 1})), Error);
  check_against_reference(m, {1e20f, 0, 0, 1, -1e29f, 2, 2, 2, 2});
}

TEST_CASE("an index never holds more than its share, whatever the Gaussians") {
  const Domain d = box(1000, 1000, 1000);
  Model wide = fields::random_model(3000, d, 1e6), mixed = fields::random_model(3000, d, 1),
        broken = fields::random_model(300, d, 5);
  for (size_t i = 1; i < 3000; i += 2)  // what a sample of every sixth does not see
    for (int k = 0; k < 6; k++) mixed.a[k][i] *= i % 6 == 0 ? 1.0f : 1e-6f;
  for (size_t i = 0; i < 300; i += 3)
    broken.a[i % 6][i] = i % 2 ? std::numeric_limits<float>::infinity() : 0.0f;
  for (const Model& m : {wide, mixed, broken}) {
    const QueryModel q(m);
    CHECK(q.index.bytes() < 1000 * m.count() + 4096 * 16);
    check_against_reference(m, around(d, 200, 10));
  }
}

TEST_CASE("samples of a mesh are decoded with the bits that they were measured with") {
  for (const std::array<uint32_t, 3> dims : {std::array<uint32_t, 3>{20, 13, 9}, {300, 2, 1}}) {
    MeshView grid;
    grid.dims = dims;
    grid.origin = {1000, 0.1, -3};
    grid.spacing = {0.001, 0.7, 2};
    const SampleSet s = make_samples(grid, Association::node, {});
    const Model m = fields::random_model(60, s.domain, 3);
    std::vector<float> f(s.x.size());
    evaluate(m, s, f.data());
    const auto got = query<float>(QueryModel(m), find_places(s.domain, grid, Association::node));
    REQUIRE(got.values.size() == s.total);
    for (size_t i = 0; i < f.size(); i++)
      if (s.source[i] != kNoSource) CHECK(same(got.values[s.source[i]], f[i]));
  }
}
