#include "sample/sample_set.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "fields.hpp"
#include "sample/places.hpp"

using namespace gaussitu;

namespace {

// Every value exactly once, at weight 1 unless it is not finite, inside its tile's box, tiles in whole
// groups.
void check_consistent(const SampleSet& s) {
  std::vector<int> seen(s.total, 0);
  size_t begin = 0;
  for (const auto& tile : s.tiles) {
    CHECK(tile.begin == begin);
    CHECK(tile.count % 16 == 0);
    begin += tile.count;
    for (size_t k = tile.begin; k < tile.begin + tile.count; k++) {
      if (s.source[k] == kNoSource) {
        CHECK(s.weight[k] == 0);
        continue;
      }
      seen[s.source[k]]++;
      const float at[3] = {s.x[k], s.y[k], s.z[k]};
      for (int d = 0; d < 3; d++) {
        CHECK(at[d] >= tile.lo[d]);
        CHECK(at[d] <= tile.hi[d]);
      }
    }
  }
  CHECK(begin == s.x.size());
  for (const int n : seen) CHECK(n == 1);
}

// Position of value `source` in world coordinates.
std::array<double, 3> world(const SampleSet& s, uint32_t source) {
  for (size_t k = 0; k < s.source.size(); k++)
    if (s.source[k] == source)
      return {s.x[k] / s.domain.scale[0] + s.domain.origin[0],
              s.y[k] / s.domain.scale[1] + s.domain.origin[1],
              s.z[k] / s.domain.scale[2] + s.domain.origin[2]};
  return {NAN, NAN, NAN};
}

void check_at(const SampleSet& s, uint32_t source, double x, double y, double z) {
  const auto p = world(s, source);
  CHECK(p[0] == doctest::Approx(x).epsilon(1e-5));
  CHECK(p[1] == doctest::Approx(y).epsilon(1e-5));
  CHECK(p[2] == doctest::Approx(z).epsilon(1e-5));
}

std::string message(const MeshView& m, Association a, const ArrayView& v = {}) {
  try {
    make_samples(m, a, v);
  } catch (const Error& e) {
    CHECK(e.code == Code::invalid_argument);
    return e.what();
  }
  return "no error";
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// Two tetrahedra and a hexahedron that shares nodes with nothing.
struct SmallMesh {
  std::vector<double> points{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1,  //
                             2, 0, 0, 3, 0, 0, 3, 1, 0, 2, 1, 0, 2, 0, 1, 3, 0, 1, 3, 1, 1, 2, 1, 1};
  std::vector<int32_t> connectivity{0, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<int32_t> offsets{0, 4, 8, 16};
  std::vector<uint8_t> types{10, 10, 12};
  MeshView view() const { return fields::cells(points, connectivity, offsets, types); }
};

}  // namespace

TEST_CASE("uniform grids of any size use index coordinates") {
  for (const auto& [nx, ny, nz] :
       {std::array<uint32_t, 3>{33, 17, 9}, {16, 16, 8}, {1, 1, 1}, {7, 1, 3}, {101, 1, 1}, {1, 64, 64}}) {
    MeshView m = fields::grid(nx, ny, nz);
    m.origin = {5, -2, 1};
    m.spacing = {0.5, 0.25, -2};
    const auto values = fields::wave_on_grid(nx, ny, nz);
    const SampleSet s = make_samples(m, Association::node, fields::view(values));
    check_consistent(s);
    CHECK(s.total == values.size());
    CHECK(s.finite == values.size());
    const auto last = static_cast<uint32_t>(values.size() - 1);
    check_at(s, last, 5 + 0.5 * (nx - 1), -2 + 0.25 * (ny - 1), 1 - 2.0 * (nz - 1));
    for (size_t k = 0; k < s.x.size(); k++)
      if (s.source[k] != kNoSource)
        CHECK(s.value_min + s.value_range * s.value[k] == doctest::Approx(values[s.source[k]]).epsilon(1e-5));
  }
}

TEST_CASE("cell values of a grid sit at the centres of cells; a flat axis has one layer") {
  MeshView m = fields::grid(4, 3, 1);
  m.spacing = {2, 2, 2};
  const SampleSet s = make_samples(m, Association::cell, {});
  CHECK(s.total == 6);
  check_consistent(s);
  check_at(s, 0, 1, 1, 0);
  check_at(s, 5, 5, 3, 0);
}

TEST_CASE("ghost layers are left out") {
  MeshView m = fields::grid(6, 5, 4);
  m.ghost = {1, 2, 0, 1, 1, 0};
  std::vector<float> values(6 * 5 * 4);
  for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<float>(i);
  const SampleSet s = make_samples(m, Association::node, fields::view(values));
  check_consistent(s);
  CHECK(s.total == 3 * 4 * 3);
  CHECK(s.value_min == 31);  // (1, 0, 1)
  check_at(s, 0, 1, 0, 1);
  m.ghost = {3, 4, 0, 0, 0, 0};
  CHECK(contains(message(m, Association::node, fields::view(values)),
                 "Expected at most 6 ghost layers on axis 0 but received 7"));
}

TEST_CASE("rectilinear and curvilinear grids") {
  const std::vector<float> x{0, 1, 4}, y{0, 2}, z{-1, 5};
  MeshView r = fields::grid(3, 2, 2);
  r.kind = MeshKind::rectilinear;
  r.axis[0] = fields::view(x);
  r.axis[1] = fields::view(y);
  r.axis[2] = fields::view(z);
  SampleSet s = make_samples(r, Association::node, {});
  check_consistent(s);
  check_at(s, 11, 4, 2, 5);
  s = make_samples(r, Association::cell, {});
  CHECK(s.total == 2);
  check_at(s, 1, 2.5, 1, 2);

  std::vector<double> points;
  for (const double pz : {-1.0, 5.0})
    for (const double py : {0.0, 2.0})
      for (const double px : {0.0, 1.0, 4.0})
        for (const double c : {px + 0.1 * py, py, pz}) points.push_back(c);
  MeshView c = fields::grid(3, 2, 2);
  c.kind = MeshKind::curvilinear;
  c.points = fields::view(points);
  s = make_samples(c, Association::node, {});
  check_consistent(s);
  check_at(s, 11, 4.2, 2, 5);
  s = make_samples(c, Association::cell, {});
  check_at(s, 1, 2.6, 1, 2);
}

TEST_CASE("unstructured nodes and cells, 32- and 64-bit indices") {
  const SmallMesh mesh;
  SampleSet s = make_samples(mesh.view(), Association::node, {});
  CHECK(s.total == 13);
  check_consistent(s);
  s = make_samples(mesh.view(), Association::cell, {});
  CHECK(s.total == 3);
  check_at(s, 0, 0.25, 0.25, 0.25);
  check_at(s, 2, 2.5, 0.5, 0.5);

  const std::vector<int64_t> wide(mesh.connectivity.begin(), mesh.connectivity.end()),
      offsets(mesh.offsets.begin(), mesh.offsets.end());
  MeshView m = mesh.view();
  m.connectivity = wide.data();
  m.offsets = offsets.data();
  m.index_bytes = 8;
  s = make_samples(m, Association::cell, {});
  check_at(s, 2, 2.5, 0.5, 0.5);
}

TEST_CASE("a cell's repeated nodes count once") {
  SmallMesh mesh;
  mesh.connectivity[3] = 2;  // 0 1 2 2
  const SampleSet s = make_samples(mesh.view(), Association::cell, {});
  check_at(s, 0, 1.0 / 3, 1.0 / 3, 0);
}

TEST_CASE("meshes that lie are refused with a message that says how") {
  SmallMesh mesh;
  mesh.connectivity[5] = 13;
  CHECK(contains(message(mesh.view(), Association::cell),
                 "Expected node indices in [0, 13) but received 13 at connectivity position 5"));
  mesh.connectivity[5] = -1;
  CHECK(contains(message(mesh.view(), Association::cell), "but received -1"));
  mesh = SmallMesh();
  mesh.offsets[2] = 3;
  CHECK(contains(message(mesh.view(), Association::cell), "Expected increasing cell offsets"));
  mesh = SmallMesh();
  mesh.offsets[3] = 17;
  CHECK(contains(message(mesh.view(), Association::cell), "of at most 16 but received 17"));
  mesh = SmallMesh();
  mesh.points[4] = NAN;
  CHECK(contains(message(mesh.view(), Association::node), "Expected finite coordinates"));
  MeshView m = mesh.view();
  m.index_bytes = 3;
  CHECK(contains(message(m, Association::cell), "4 or 8 bytes"));

  const std::vector<float> values(7);
  CHECK(contains(message(fields::grid(2, 2, 2), Association::node, fields::view(values)),
                 "Expected 8 values (one per node) a stride of at least 1 apart but received 7"));
  CHECK(
      contains(message(fields::grid(2, 2, 2), Association::cell, fields::view(values)), "Expected 1 values"));
  CHECK(contains(message(fields::grid(65536, 65536, 65536), Association::node), "fewer than 4294967295"));
  MeshView g = fields::grid(2, 2, 2);
  g.spacing[1] = 0;
  CHECK(contains(message(g, Association::node), "spacing other than 0 on axis 1"));
  g.spacing[1] = NAN;
  CHECK(contains(message(g, Association::node), "finite"));
  g.kind = MeshKind::rectilinear;
  CHECK(contains(message(g, Association::node), "Expected 2 node coordinates on axis 0 but received 0"));
  g.kind = MeshKind::points;
  CHECK(contains(message(g, Association::cell), "no cells"));
}

TEST_CASE("values that are not finite have weight 0 and no part in the range") {
  auto values = fields::wave_on_grid(20, 5, 5);
  values[3] = NAN;
  values[100] = std::numeric_limits<float>::infinity();
  values[101] = -std::numeric_limits<float>::infinity();
  SampleSet s = make_samples(fields::grid(20, 5, 5), Association::node, fields::view(values));
  check_consistent(s);
  CHECK(s.finite == 497);
  CHECK(std::isfinite(s.value_range));
  for (size_t k = 0; k < s.x.size(); k++) {
    const bool missing =
        s.source[k] == 3 || s.source[k] == 100 || s.source[k] == 101 || s.source[k] == kNoSource;
    CHECK(s.weight[k] == (missing ? 0 : 1));
    CHECK(s.value[k] >= 0);
    CHECK(s.value[k] <= 1);
  }
  std::fill(values.begin(), values.end(), NAN);
  s = make_samples(fields::grid(20, 5, 5), Association::node, fields::view(values));
  CHECK(s.finite == 0);
  CHECK(s.value_range == 0);
}

TEST_CASE("zero-sized blocks are empty sample sets") {
  SampleSet s = make_samples(fields::grid(0, 5, 5), Association::node, {});
  CHECK(s.total == 0);
  CHECK(s.tiles.empty());
  MeshView m;
  m.kind = MeshKind::points;
  CHECK(make_samples(m, Association::node, {}).total == 0);
  m.kind = MeshKind::unstructured;
  CHECK(make_samples(m, Association::cell, {}).total == 0);
}

TEST_CASE("f64, strided and unaligned arrays read the same values") {
  const auto values = fields::wave_on_grid(16, 4, 4);
  std::vector<double> vectors(3 * values.size(), NAN);
  for (size_t i = 0; i < values.size(); i++) vectors[3 * i + 1] = values[i];
  std::vector<char> bytes(values.size() * 4 + 1);
  std::memcpy(bytes.data() + 1, values.data(), values.size() * 4);
  const MeshView m = fields::grid(16, 4, 4);
  const SampleSet a = make_samples(m, Association::node, fields::view(values));
  const SampleSet b = make_samples(m, Association::node, {vectors.data() + 1, Dtype::f64, values.size(), 3});
  const SampleSet c = make_samples(m, Association::node, {bytes.data() + 1, Dtype::f32, values.size(), 1});
  CHECK(a.value == b.value);
  CHECK(a.value == c.value);
}

TEST_CASE("a range that overflows f64 is refused; fields of extreme size are not") {
  std::vector<double> values{-1.7e308, 1.7e308, 0, 0, 0, 0, 0, 0};
  CHECK(contains(message(fields::grid(2, 2, 2), Association::node, fields::view(values)), "range is finite"));
  values[0] = 0;
  CHECK(make_samples(fields::grid(2, 2, 2), Association::node, fields::view(values)).value_range == 1.7e308);
}

TEST_CASE("places in an existing domain: the same grid where it was, other grids and points where they are") {
  MeshView m = fields::grid(32, 9, 9);
  m.origin = {0.3, 0.7, -1};
  m.spacing = {0.1, 0.3, 0.7};
  const SampleSet trained = make_samples(m, Association::node, {});
  const Places again = find_places(trained.domain, m, Association::node);
  for (int k = 0; k < 3; k++)
    for (size_t i = 0; i < m.dims[k]; i++) CHECK(again.axes[k][i] == static_cast<float>(i));
  m.spacing = {0.05, 0.3, 0.7};
  CHECK(find_places(trained.domain, m, Association::node).axes[0][31] == doctest::Approx(15.5));
  const auto points = fields::scatter(77, 1, 1, 1);
  MeshView bare;
  bare.kind = MeshKind::points;
  bare.points = fields::view(points);
  const Places at = find_places({}, bare, Association::node);
  for (size_t i = 0; i < 77; i++)
    for (int k = 0; k < 3; k++) CHECK(at.point(i)[k] == points[3 * i + k]);
  bare.points.count = 4;
  CHECK_THROWS_AS(find_places({}, bare, Association::node), Error);
}

TEST_CASE("scattered samples have a mean spacing of 1, flat or not, even when all are in one place") {
  for (const double lz : {1.0, 0.0}) {
    const auto points = fields::scatter(4000, 8, 2, lz);
    MeshView m;
    m.kind = MeshKind::points;
    m.points = fields::view(points);
    const SampleSet s = make_samples(m, Association::node, {});
    const double volume = s.domain.extent[0] * s.domain.extent[1] * (lz > 0 ? s.domain.extent[2] : 1);
    CHECK(volume == doctest::Approx(4000).epsilon(0.01));
  }
  const std::vector<float> same(30, 2.5f);
  MeshView m;
  m.kind = MeshKind::points;
  m.points = fields::view(same);
  const SampleSet s = make_samples(m, Association::node, {});
  check_consistent(s);
  CHECK(s.domain.scale[0] == 1);
}
