#include "model/evaluate.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "everywhere.hpp"
#include "fields.hpp"
#include "model/reach.hpp"

using namespace gaussitu;

namespace {

SampleSet grid_samples(uint32_t nx, uint32_t ny, uint32_t nz) {
  return make_samples(fields::grid(nx, ny, nz), Association::node, {});
}

SampleSet scattered_samples(size_t n) {
  const auto points = fields::scatter(n, 4, 3, 2);
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(points);
  return make_samples(mesh, Association::node, {});
}

// evaluate() against the slow definition, values and coverage, bit for bit.
void check_against_reference(const SampleSet& s, const Model& m) {
  std::vector<float> f(s.x.size()), cover(s.x.size());
  evaluate(m, s, f.data(), cover.data());
  size_t differ = 0;
  for (size_t k = 0; k < s.x.size(); k++) {
    if (s.weight[k] == 0) continue;
    float c;
    const float expected = evaluate_reference(m, s.x[k], s.y[k], s.z[k], &c);
    differ += std::memcmp(&expected, &f[k], 4) != 0 || std::memcmp(&c, &cover[k], 4) != 0;
  }
  CHECK(differ == 0);
}

std::vector<float> values_of(const SampleSet& s, const Model& m) {
  std::vector<float> out(2 * s.x.size());
  evaluate(m, s, out.data(), out.data() + s.x.size());
  return out;
}

}  // namespace

TEST_CASE("tiled evaluation equals the slow definition bit for bit") {
  for (const double sigma : {0.5, 2.0, 8.0, 100.0}) {
    CAPTURE(sigma);
    const SampleSet grid = grid_samples(37, 29, 19);
    REQUIRE(grid.columns);
    check_against_reference(grid, fields::random_model(60, grid.domain, sigma));
    const SampleSet scattered = scattered_samples(5000);
    REQUIRE(!scattered.columns);
    check_against_reference(scattered, fields::random_model(60, scattered.domain, sigma));
  }
}

TEST_CASE("needles and sheets at odd angles are culled exactly") {
  const SampleSet s = grid_samples(48, 40, 24);
  Model m = fields::random_model(80, s.domain, 2);
  fields::Random random(5);
  for (size_t i = 0; i < m.count(); i++)
    for (const int k : {1, 2, 4}) m.a[k][i] *= static_cast<float>(random.in(-30, 30));
  check_against_reference(s, m);
}

TEST_CASE("values and coverage are the same bits on every instruction set and thread count") {
  const SampleSet grid = grid_samples(33, 17, 9), scattered = scattered_samples(1500);
  const Model a = fields::random_model(40, grid.domain, 3), b = fields::random_model(40, scattered.domain, 3);
  check_same_bits_everywhere([&] { return values_of(grid, a); });
  check_same_bits_everywhere([&] { return values_of(scattered, b); });
}

TEST_CASE("no Gaussian in reach gives the mean and no coverage") {
  const SampleSet s = grid_samples(8, 8, 8);
  Model m = fields::random_model(1, s.domain, 0.1);
  m.mean = 0.625f;
  float cover = 1;
  CHECK(evaluate_reference(m, 1e4f, 0, 0, &cover) == doctest::Approx(0.625));
  CHECK(cover == 0);
  Model none;
  none.mean = 0.25f;
  const auto out = values_of(s, none);
  for (size_t k = 0; k < s.x.size(); k++) CHECK(out[k] == doctest::Approx(0.25));
}

TEST_CASE("the distance bound never exceeds the distance of any sample") {
  fields::Random random(3);
  const SampleSet s = grid_samples(32, 32, 16);
  Model m = fields::random_model(100, s.domain, 2);
  for (size_t i = 0; i < m.count(); i++)
    for (const auto& tile : s.tiles) {
      const double bound = distance_bound(m, i, tile.lo, tile.hi);
      for (int n = 0; n < 20; n++) {
        const double d[3] = {random.in(tile.lo[0], tile.hi[0]) - m.mu[0][i],
                             random.in(tile.lo[1], tile.hi[1]) - m.mu[1][i],
                             random.in(tile.lo[2], tile.hi[2]) - m.mu[2][i]};
        const double t0 = m.a[0][i] * d[0] + m.a[1][i] * d[1] + m.a[2][i] * d[2],
                     t1 = m.a[3][i] * d[1] + m.a[4][i] * d[2], t2 = m.a[5][i] * d[2];
        CHECK(t0 * t0 + t1 * t1 + t2 * t2 >= bound);
      }
    }
}

TEST_CASE("unscale is the affine map of the value range") {
  Model m;
  m.value_min = -3;
  m.value_range = 4;
  CHECK(unscale(m, 0) == -3);
  CHECK(unscale(m, 1) == 1);
  CHECK(unscale(m, 0.5f) == -1);
}
