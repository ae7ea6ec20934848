#include "quantize/quantised_model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "quantize/exact_math.hpp"
#include "stream/synthetic.hpp"

using namespace gaussitu;
using namespace gaussitu::test;

TEST_CASE("exp2_exact: known bits, and within 1e-9 of the truth") {
  CHECK(exp2_exact(0) == 1);
  CHECK(exp2_exact(-3) == 0.125);
  for (double x = -40; x < 40; x += 0.0137)
    CHECK(exp2_exact(x) == doctest::Approx(std::exp2(x)).epsilon(1e-9));
}

TEST_CASE("log2_steps is the nearest step, whatever the maths library rounds") {
  for (const double step : {1e-4, 0.01, 0.1, 1.3})
    for (int k = -20; k <= 20; ++k) {
      const auto a = static_cast<float>(exp2_exact(k * step));
      CHECK(log2_steps(a, step) == k);
      CHECK(log2_steps(static_cast<float>(exp2_exact((k + 0.49) * step)), step) == k);
    }
}

TEST_CASE("lattice codes are a bijection") {
  Lattice lattice;
  lattice.size = {10, 3, 0};
  lattice.bits = {5, 3, 0};
  std::vector<bool> seen(1 << 8);
  for (uint32_t x = 0; x < 32; ++x)
    for (uint32_t y = 0; y < 8; ++y) {
      const uint64_t code = lattice.encode({x, y, 0});
      REQUIRE(code < seen.size());
      CHECK(!seen[code]);
      seen[code] = true;
      CHECK(lattice.decode(code) == std::array<uint32_t, 3>{x, y, 0});
    }
}

TEST_CASE("every parameter is off by at most half a step") {
  const Model m = synthetic(60, 5, {500, 400, 300});
  const QuantisedModel q = to_integers(m, kSteps);
  const Model d = from_integers(q);
  REQUIRE(d.count() == m.count());
  // Payload order differs: in so large a box the nearest centre is the same Gaussian.
  for (size_t i = 0; i < m.count(); ++i) {
    size_t best = 0;
    double least = 1e30;
    for (size_t j = 0; j < d.count(); ++j) {
      double s = 0;
      for (int k = 0; k < 3; ++k) s += std::pow(m.mu[k][i] - d.mu[k][j], 2);
      if (s < least) least = s, best = j;
    }
    CHECK(std::fabs(m.v[i] - d.v[best]) <= 0.501 * q.steps.value);
    for (const int k : {0, 3, 5})
      CHECK(std::fabs(std::log2(m.a[k][i] / d.a[k][best])) <= 0.501 * q.steps.scale);
    CHECK(std::fabs(m.a[1][i] - d.a[1][best]) <= 0.501 * q.steps.skew * d.a[3][best]);
    CHECK(std::fabs(m.mu[0][i] - d.mu[0][best]) * d.a[0][best] <= 0.501 * q.steps.position);
  }
}

TEST_CASE("Gaussians come in the order of their cells") {
  const QuantisedModel q = to_integers(synthetic(500, 6), kSteps);
  CHECK(std::is_sorted(q.cell.begin(), q.cell.end()));
}

TEST_CASE("finer steps, smaller errors") {
  const Model m = synthetic(400, 8);
  double before = 1e30;
  for (const float s : {0.4f, 0.1f, 0.02f, 0.004f}) {
    const Model d = from_integers(to_integers(m, {s, s, s, s}));
    auto a = m.v, b = d.v;
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    double error = 0;
    for (size_t i = 0; i < a.size(); ++i) error += std::fabs(a[i] - b[i]);
    CHECK(error < before);
    before = error;
  }
}
