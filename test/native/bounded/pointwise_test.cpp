// Point-wise relative bounds: |x - decoded| <= E |x| for every finite value, zeros exactly, signs kept.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "base/error.hpp"
#include "bounded/bounded.hpp"
#include "everywhere.hpp"
#include "fields.hpp"
#include "references.hpp"

using namespace gaussitu;

namespace {

/// Six decades, both signs in broad regions, and now and then what has no logarithm.
template <class T>
std::vector<T> decades(size_t nx, size_t n, double phase, uint64_t seed) {
  fields::Random random(seed);
  std::vector<T> v(n);
  for (size_t i = 0; i < n; i++) {
    const double x = double(i % nx), y = double(i / nx);
    const double size = std::pow(10, 3 * std::sin(0.07 * x + phase) * std::cos(0.05 * y));
    v[i] = T((std::sin(0.1 * x - 0.04 * y + phase) < 0 ? -1 : 1) * size * (1 + 0.01 * random.unit()));
    const double dice = random.unit();
    if (dice < 0.05)
      v[i] = 0;
    else if (dice < 0.06)
      v[i] = T(-0.0);
    else if (dice < 0.07)
      v[i] = std::numeric_limits<T>::denorm_min() * T(17);
    else if (dice < 0.08)
      v[i] = std::numeric_limits<T>::quiet_NaN();
    else if (dice < 0.085)
      v[i] = -std::numeric_limits<T>::infinity();
    else if (dice < 0.09)
      v[i] = T(1e20);
  }
  return v;
}

const double kFill = 1e20;

template <class T>
void check_value(T x, T out, double relative, double& largest) {
  if (std::isnan(x)) {
    if (!std::isnan(out)) FAIL("NaN became " << out);
  } else if (!std::isnormal(x) || x == T(kFill)) {
    if (std::memcmp(&x, &out, sizeof(T)) != 0) FAIL(x << " became " << out);
  } else {
    const double error = std::fabs(double(x) - double(out)) / std::fabs(double(x));
    if (!(error <= relative)) FAIL(x << " became " << out);
    largest = std::max(largest, error);
  }
}

template <class T>
BoundedResult round_trip(const Layout& layout, const std::vector<T>& values, double relative,
                         const BoundedReferences& offered = {}) {
  const auto coded =
      encode_bounded(layout, fields::view(values), {-1, 0, relative}, std::span(&kFill, 1), offered);
  const BoundedReferences used = used_of(offered, coded);
  const auto decoded = decode_bounded(layout, fields::view(values).dtype, coded.payload, used);
  const auto& out = std::get<Array<T>>(decoded.values());
  double largest = 0;
  for (size_t i = 0; i < values.size(); i++) check_value(values[i], out[i], relative, largest);
  CHECK(largest == coded.metrics.max_relative_error);
  CHECK(decoded.state->values == coded.state->values);
  return coded;
}

std::vector<std::shared_ptr<const Layout>> layouts(uint32_t nx, uint32_t ny, uint32_t nz) {
  const auto xyz = fields::scatter(size_t{nx} * ny * nz, 10, 7, 5);
  MeshView cloud;
  cloud.kind = MeshKind::points;
  cloud.points = {xyz.data(), Dtype::f32, xyz.size(), 1};
  return {make_layout(fields::grid(nx, ny, nz), Association::node), make_layout(cloud, Association::node),
          make_layout(size_t{nx} * ny * nz)};
}

template <class T>
void streams(const Layout& layout, size_t nx, double relative) {
  BoundedReferences references;
  for (int step = 0; step < 3; step++) {
    const auto values = decades<T>(nx, layout.size(), 0.02 * step, 5 + uint64_t(step));
    const auto sibling = decades<T>(nx, layout.size(), 0.02 * step + 0.3, 50);
    references.siblings = {round_trip(layout, sibling, relative).state};
    const auto coded = round_trip(layout, values, relative, references);
    references.earlier.insert(references.earlier.begin(), coded.state);
    references.earlier.resize(std::min<size_t>(2, references.earlier.size()));
  }
}

}  // namespace

TEST_CASE("the bound holds over six decades, both signs, zeros and all, on any layout and in streams") {
  for (const auto& [nx, ny, nz] :
       {std::array<uint32_t, 3>{1, 1, 1}, {3, 1, 1}, {97, 1, 1}, {31, 29, 1}, {19, 13, 11}})
    for (const auto& layout : layouts(nx, ny, nz))
      for (const double relative : {0.9, 0.1, 1e-2, 1e-4, 1e-6, 1e-9}) {
        streams<float>(*layout, nx, relative);
        streams<double>(*layout, nx, relative);
      }
}

TEST_CASE("values over the whole range, largest and smallest numbers") {
  fields::Random random(2);
  std::vector<float> values(20000);
  for (float& v : values) {
    const auto bits = uint32_t(random.unit() * 4294967296.0);
    std::memcpy(&v, &bits, 4);
  }
  values[0] = std::numeric_limits<float>::max();
  values[1] = -std::numeric_limits<float>::min();
  for (const double relative : {0.9, 0.1, 1e-3, 1e-7, 1e-300}) {
    const auto coded = round_trip(*make_layout(values.size()), values, relative);
    CHECK(double(coded.payload.size()) <= 1.01 * 4 * double(values.size()));
  }
}

TEST_CASE("a field over six decades costs far less than under the absolute bound that would do as well") {
  std::vector<float> values;
  for (size_t i = 0; i < 64 * 64 * 8; i++)
    values.push_back(float(std::pow(10, 3 * fields::wave(double(i % 64) / 9, double(i / 64 % 64) / 9, 1))));
  const auto layout = make_layout(fields::grid(64, 64, 8), Association::node);
  const auto pointwise = round_trip(*layout, values, 1e-2);
  CHECK(pointwise.payload.size() * 15 < 4 * values.size());
  const double least = *std::min_element(values.begin(), values.end());
  const auto absolute = encode_bounded(*layout, fields::view(values), {1e-2 * least}, {}, {});
  CHECK(pointwise.payload.size() * 5 < absolute.payload.size());
}

TEST_CASE("history helps, also when the step before was coded under another kind of bound") {
  const auto layout = make_layout(fields::grid(64, 50, 9), Association::node);
  fields::Random random(4);
  std::vector<float> before(layout->size()), now(layout->size());
  for (size_t i = 0; i < now.size(); i++) {
    before[i] = float((random.unit() < 0.5 ? -1 : 1) * std::exp(4 * random.unit()));
    now[i] = before[i] * float(1 + 0.004 * random.unit());
  }
  const auto alone = round_trip(*layout, now, 1e-2);
  for (const BoundTarget& target : {BoundTarget{-1, 0, 1e-2}, {1e-2}, {0}}) {
    const auto state = encode_bounded(*layout, fields::view(before), target, {}, {}).state;
    CHECK(round_trip(*layout, now, 1e-2, {{state}, {}}).payload.size() * 3 < alone.payload.size());
    CHECK(round_trip(*layout, now, 1e-2, {{}, {state}}).payload.size() * 1.5 < alone.payload.size());
  }
  // And the other way round: an absolute bound after a point-wise step.
  const auto linear = encode_bounded(*layout, fields::view(now), {0.1}, {}, {{alone.state}, {}});
  CHECK(linear.payload.size() * 3 < encode_bounded(*layout, fields::view(now), {0.1}, {}, {}).payload.size());
}

TEST_CASE("same bytes on every instruction set and any number of threads") {
  const auto values = decades<float>(300, 300 * 700, 0, 1);
  const auto layout = make_layout(fields::grid(300, 100, 7), Association::node);
  check_same_bits_everywhere([&] {
    const auto payload = round_trip(*layout, values, 1e-3).payload;
    return std::vector<float>(payload.begin(), payload.end());
  });
}

TEST_CASE("bounds of 1 and more are refused") {
  const auto values = decades<float>(31, 31, 0, 1);
  CHECK_THROWS_AS(encode_bounded(*make_layout(size_t{31}), fields::view(values), {-1, 0, 1}, {}, {}), Error);
}
