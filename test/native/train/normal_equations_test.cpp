// The kernels' sums against the plain definition: finite differences of the slow evaluator.
#include "train/normal_equations.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "fields.hpp"
#include "train/pass.hpp"

using namespace gaussitu;

namespace {

// f in double precision, so that finite differences mean something.
double f_double(const Model& m, double x, double y, double z) {
  double n = double{kBackground} * m.mean, d = kBackground;
  for (size_t i = 0; i < m.count(); i++) {
    const double dx = x - m.mu[0][i], dy = y - m.mu[1][i], dz = z - m.mu[2][i];
    const double t0 = m.a[0][i] * dx + m.a[1][i] * dy + m.a[2][i] * dz, t1 = m.a[3][i] * dy + m.a[4][i] * dz,
                 t2 = m.a[5][i] * dz;
    const double q = std::max(0.0, 1 - (t0 * t0 + t1 * t1 + t2 * t2) / 8);
    n += q * q * q * q * m.v[i];
    d += q * q * q * q;
  }
  return n / d;
}

// The Jacobian row of every parameter of Gaussian i at one sample, by central differences of apply_step().
std::vector<double> numeric_jacobian(const Model& m, size_t i, double x, double y, double z) {
  std::vector<double> j;
  for (int p = 0; p < kParameters; p++) {
    constexpr double h = 1.0 / 512;
    double f[2];
    for (const int side : {0, 1}) {
      Model moved = m;
      double step[kParameters] = {};
      step[p] = side ? h : -h;
      apply_step(moved, i, step);
      f[side] = f_double(moved, x, y, z);
    }
    j.push_back((f[1] - f[0]) / (2 * h));
  }
  return j;
}

void compare(const SampleSet& s, const Model& m) {
  Pass pass(s);
  pass.forward(m);
  for (size_t i = 0; i < m.count(); i++) {
    const NormalEquations n = normal_equations(pass.backward(i, true), m, i, s.columns);
    double h[kParameters][kParameters] = {}, g[kParameters] = {};
    for (size_t k = 0; k < s.x.size(); k++) {
      if (s.weight[k] == 0) continue;
      const auto j = numeric_jacobian(m, i, s.x[k], s.y[k], s.z[k]);
      const double e = f_double(m, s.x[k], s.y[k], s.z[k]) - s.value[k];
      for (int a = 0; a < kParameters; a++) {
        g[a] += j[a] * e;
        for (int b = 0; b < kParameters; b++) h[a][b] += j[a] * j[b];
      }
    }
    for (int a = 0; a < kParameters; a++) {
      const double size = std::sqrt(h[a][a]) + 1e-3;
      CHECK(std::fabs(n.g[a] - g[a]) < 3e-3 * size);
      for (int b = 0; b < kParameters; b++)
        CHECK(std::fabs(n.h[a][b] - h[a][b]) < 5e-3 * size * (std::sqrt(h[b][b]) + 1e-3));
    }
    const NormalEquations first = normal_equations(pass.backward(i, false), m, i, s.columns);
    for (int a = 0; a < kParameters; a++)
      CHECK(std::fabs(first.g[a] - n.g[a]) <= 1e-6 * (1 + std::fabs(g[a])));
  }
}

}  // namespace

TEST_CASE("gradient and curvature on a grid agree with finite differences") {
  const auto values = fields::wave_on_grid(21, 18, 11);
  const SampleSet s = make_samples(fields::grid(21, 18, 11), Association::node, fields::view(values));
  REQUIRE(s.columns);
  compare(s, fields::random_model(9, s.domain, 4));
}

TEST_CASE("gradient and curvature on scattered points agree with finite differences") {
  const auto points = fields::scatter(3000, 3, 2, 1);
  const auto values = fields::wave_on_points(points);
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(points);
  const SampleSet s = make_samples(mesh, Association::node, fields::view(values));
  REQUIRE(!s.columns);
  compare(s, fields::random_model(9, s.domain, 4));
}

TEST_CASE("solve gives the damped least-squares step, and none for a system that is not positive") {
  NormalEquations n{};
  double floor[kParameters] = {}, x[kParameters];
  for (int a = 0; a < kParameters; a++) {
    n.h[a][a] = a + 1;
    n.g[a] = a + 1;
  }
  n.h[0][1] = n.h[1][0] = 0.5;
  solve(n, 0, floor, x);
  CHECK(n.h[0][0] * x[0] + n.h[0][1] * x[1] == doctest::Approx(1));
  CHECK(x[9] == doctest::Approx(1));
  solve(n, 1, floor, x);
  CHECK(x[9] == doctest::Approx(0.5));
  n.h[3][3] = -1;
  solve(n, 0, floor, x);
  for (const double v : x) CHECK(v == 0);
}
