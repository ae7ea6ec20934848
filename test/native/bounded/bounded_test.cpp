// The facade of error-bounded coding: layouts, exact fallbacks, references, damaged payloads.
#include "bounded/bounded.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "bounded/choose_siblings.hpp"
#include "references.hpp"

using namespace gaussitu;

namespace {

MeshView grid(uint32_t nx, uint32_t ny, uint32_t nz) {
  MeshView mesh;
  mesh.dims = {nx, ny, nz};
  return mesh;
}

MeshView cloud(const std::vector<double>& xyz) {
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = {xyz.data(), Dtype::f64, xyz.size(), 1};
  return mesh;
}

template <class T>
ArrayView view(const std::vector<T>& values) {
  return {values.data(), sizeof(T) == 4 ? Dtype::f32 : Dtype::f64, values.size(), 1};
}

template <class T>
std::vector<T> waves(size_t nx, size_t n, double phase) {
  std::vector<T> v(n);
  for (size_t i = 0; i < n; i++)
    v[i] = T(std::sin(0.2 * double(i % nx) + phase) + 0.4 * std::cos(0.03 * double(i / nx)));
  return v;
}

/// Decodes with the references that encoding chose, and checks the bound and the certificate.
template <class T>
BoundedResult round_trip(const Layout& layout, const std::vector<T>& values, const BoundTarget& target,
                         const BoundedReferences& offered = {}, std::span<const double> fills = {}) {
  const BoundedResult coded = encode_bounded(layout, view(values), target, fills, offered);
  const BoundedReferences used = used_of(offered, coded);
  const BoundedDecoded decoded = decode_bounded(layout, view(values).dtype, coded.payload, used);
  const auto& out = std::get<Array<T>>(decoded.values());
  REQUIRE(out.size() == values.size());
  CHECK(decoded.state->values == coded.state->values);
  CHECK(decoded.state->magnitudes == coded.state->magnitudes);
  double largest = 0;
  for (size_t i = 0; i < values.size(); i++) {
    if (std::isnan(values[i])) {
      if (!std::isnan(out[i])) FAIL("NaN at " << i << " became " << out[i]);
    } else if (!std::isfinite(values[i])) {
      if (out[i] != values[i]) FAIL("infinity at " << i);
    } else {
      largest = std::max(largest, std::fabs(double(values[i]) - double(out[i])));
    }
  }
  CHECK(largest <= coded.bound);
  CHECK(largest == coded.metrics.max_error);
  return coded;
}

}  // namespace

TEST_CASE("points that fill a lattice in any order are coded as the grid they are") {
  std::vector<double> xyz;
  std::vector<float> values;
  for (int k = 0; k < 9; k++)
    for (int j = 0; j < 11; j++)
      for (int i = 0; i < 30; i++) {
        // Graded along y, rounding noise on x as means of cell corners have.
        xyz.insert(xyz.end(), {0.1 * i + 1e-15 * (j % 3), std::exp(0.3 * j), 2.0 * k});
        values.push_back(float(std::sin(0.2 * i) * std::cos(0.3 * j) + 0.1 * k));
      }
  const size_t n = values.size();
  std::mt19937 random(5);
  for (size_t i = n - 1; i > 0; i--) {
    const size_t j = random() % (i + 1);
    std::swap(values[i], values[j]);
    for (size_t d = 0; d < 3; d++) std::swap(xyz[3 * i + d], xyz[3 * j + d]);
  }
  const auto layout = make_layout(cloud(xyz), Association::node);
  REQUIRE(layout->kind == LayoutKind::lattice);
  CHECK(layout->grid.dims == std::array<int64_t, 3>{30, 11, 9});
  const auto lattice = round_trip(*layout, values, {1e-3, 0});
  CHECK(lattice.payload.size() * 2 < round_trip(*make_layout(n), values, {1e-3, 0}).payload.size());

  xyz[3] += 0.02;  // one point moved: a lattice no more
  CHECK(make_layout(cloud(xyz), Association::node)->kind == LayoutKind::scattered);
  round_trip(*make_layout(cloud(xyz), Association::node), values, {1e-3, 0});
}

TEST_CASE("the bound holds for f32 and f64, absolute and relative, on any layout") {
  std::mt19937 random(9);
  for (const auto& [nx, ny, nz] :
       {std::array<uint32_t, 3>{1, 1, 1}, {2, 1, 1}, {97, 1, 1}, {13, 17, 1}, {16, 9, 7}}) {
    const size_t n = size_t{nx} * ny * nz;
    std::vector<double> xyz(3 * n);
    for (double& x : xyz) x = double(random() % 1000);
    for (const auto& layout : {make_layout(grid(nx, ny, nz), Association::node),
                               make_layout(cloud(xyz), Association::node), make_layout(n)}) {
      for (const BoundTarget& target : {BoundTarget{1e-2, 0}, {-1, 1e-3}, {0, 0}, {100, 0}}) {
        const auto f32 = round_trip(*layout, waves<float>(nx, n, 0), target);
        const auto f64 = round_trip(*layout, waves<double>(nx, n, 0), target);
        CHECK(f64.payload.size() <= size_t(1.01 * double(8 * n)) + 32);
        CHECK(f32.payload.size() <= size_t(1.01 * double(4 * n)) + 32);
      }
    }
  }
}

TEST_CASE("noise and values over the whole range never cost more than they are") {
  std::mt19937 random(2);
  std::vector<float> values(20000);
  for (float& v : values) {
    const uint32_t bits = random();
    std::memcpy(&v, &bits, 4);
  }
  const auto layout = make_layout(values.size());
  for (const double bound : {0.0, 1e-30, 1e-3, 1e30}) {
    const auto coded = round_trip(*layout, values, {bound, 0});
    CHECK(double(coded.payload.size()) <= 1.01 * 4 * double(values.size()));
  }
}

TEST_CASE("fill values come back exactly and count in no range") {
  auto values = waves<float>(60, 6000, 0);
  for (size_t i = 0; i < values.size(); i++)
    if (i % 60 > 40) values[i] = 1e20f;
  values[7] = std::nanf("");
  values[8] = -INFINITY;
  const double fill = 1e20;
  const auto layout = make_layout(grid(60, 100, 1), Association::node);
  const auto coded = round_trip(*layout, values, {-1, 1e-2}, {}, std::span(&fill, 1));
  CHECK(coded.metrics.value_max < 2);
  CHECK(coded.bound < 0.04);
  CHECK(coded.metrics.non_finite == 2);
  const auto decoded = decode_bounded(*layout, Dtype::f32, coded.payload, {});
  CHECK(std::get<0>(decoded.values())[41] == 1e20f);
}

TEST_CASE("history and the sibling that helps are used, others are not") {
  const size_t n = 48 * 40 * 12;
  const auto layout = make_layout(grid(48, 40, 12), Association::node);
  std::mt19937 random(4);
  auto noisy = [&](double phase) {
    auto v = waves<float>(48, n, phase);
    for (float& x : v) x += 0.05f * (float(random() % 1000) / 1000 - 0.5f);
    return v;
  };
  const auto now = noisy(0), unrelated = noisy(1);
  std::vector<float> related(n);
  for (size_t i = 0; i < n; i++) related[i] = 3 - 2 * now[i];
  const auto alone = round_trip(*layout, now, {1e-3, 0});
  BoundedReferences offered;
  offered.siblings = {round_trip(*layout, unrelated, {1e-3, 0}).state,
                      round_trip(*layout, related, {1e-3, 0}).state};
  const auto coded = round_trip(*layout, now, {1e-3, 0}, offered);
  CHECK(coded.siblings == std::vector<size_t>{1});
  CHECK(coded.payload.size() * 2 < alone.payload.size());

  BoundedReferences history{{alone.state}, {}};
  auto next = now;
  for (float& x : next) x += 0.01f;
  const auto streamed = round_trip(*layout, next, {1e-3, 0}, history);
  CHECK(streamed.uses_earlier);
  CHECK(streamed.payload.size() * 2 < alone.payload.size());

  CHECK_THROWS_AS(decode_bounded(*layout, Dtype::f32, streamed.payload, {}), Error);
  CHECK_THROWS_AS(decode_bounded(*layout, Dtype::f64, alone.payload, {}), Error);
  CHECK_THROWS_AS(decode_bounded(*make_layout(n), Dtype::f32, alone.payload, {}), Error);
}

TEST_CASE("bytes do not depend on thread count") {
  const auto values = waves<float>(200, 200 * 1000, 0);
  const auto layout = make_layout(grid(200, 100, 10), Association::node);
  const unsigned own = thread_count();
  set_thread_count(1);
  const auto one = round_trip(*layout, values, {1e-4, 0});
  set_thread_count(3);
  const auto three = round_trip(*layout, values, {1e-4, 0});
  set_thread_count(own);
  CHECK(one.payload == three.payload);
  CHECK(one.metrics.crc == three.metrics.crc);
}
