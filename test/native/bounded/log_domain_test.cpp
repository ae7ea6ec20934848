// Logarithms, signs and the bound that makes a point-wise relative bound an absolute one.
#include "bounded/log_domain.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "everywhere.hpp"
#include "fields.hpp"

using namespace gaussitu;

namespace {

/// Normal numbers of every size.
template <class T>
std::vector<T> all_sizes(size_t n) {
  fields::Random random(3);
  const double most = std::numeric_limits<T>::max_exponent;
  std::vector<T> v{std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T(1), T(1.4142135)};
  while (v.size() < n) v.push_back(T(std::exp2(random.in(-most + 3, most - 1))));
  return v;
}

template <class T>
void there_and_back(double tolerance) {
  const auto x = all_sizes<T>(100000);
  const auto y = to_log<double>(std::span<const T>(x), 0.25);
  for (size_t i = 0; i < x.size(); i++)
    if (!(std::fabs(y[i] - (std::log2(double(x[i])) - 0.25)) <= 1e-15 + 2e-16 * std::fabs(y[i])))
      FAIL("log2 of " << x[i] << " is " << y[i]);
  const auto back = from_log<T>(std::span(std::as_const(y)), std::vector<uint8_t>(x.size(), 1), 0.25);
  for (size_t i = 0; i < x.size(); i++)
    if (!(std::fabs(double(back[i]) / double(x[i]) + 1) <= tolerance)) FAIL(x[i] << " became " << back[i]);
}

}  // namespace

TEST_CASE("log2 is right to the last bits, and 2^y undoes it") {
  there_and_back<float>(6e-8);
  there_and_back<double>(4e-13);
}

TEST_CASE("powers stay within the normal numbers") {
  const std::vector<float> y{-1e30f, -127, -126, 127.9999f, 129, 1e30f};
  const auto x = from_log<float>(std::span(std::as_const(y)), std::vector<uint8_t>(6, 0), 0.0);
  CHECK(x[0] == std::numeric_limits<float>::min());
  CHECK(x[1] == std::numeric_limits<float>::min());
  CHECK(x[2] == std::numeric_limits<float>::min());
  CHECK(x[4] == std::numeric_limits<float>::max());
  CHECK(x[5] == std::numeric_limits<float>::max());
}

TEST_CASE("zeros and subnormal numbers take the logarithm before them") {
  const std::vector<float> x{0, 8, -0.0f, 1e-42f, -4};
  CHECK(to_log<float>(std::span<const float>(x), 0) == std::vector<float>{0, 3, 3, 3, 2});
}

TEST_CASE("logarithms and powers have the same bits on every instruction set") {
  const auto x = all_sizes<float>(70000);
  check_same_bits_everywhere([&] {
    auto y = to_log<double>(std::span<const float>(x), 0.1);
    std::vector<float> bits(2 * y.size());
    std::memcpy(bits.data(), y.data(), 8 * y.size());
    for (float& b : bits) b = std::isnan(b) ? 0 : b;
    const auto back = from_log<float>(std::span(std::as_const(y)), std::vector<uint8_t>(x.size(), 0), 0.07);
    bits.insert(bits.end(), back.begin(), back.end());
    return bits;
  });
}

TEST_CASE("the interval of the bound is [1 - E, 1 + E], less what rounding needs") {
  const auto x = all_sizes<float>(1000);
  for (const double e : {0.999, 0.5, 0.1, 1e-2, 1e-3, 1e-5}) {
    const LogBound y = log_bound<float>(x, nullptr, e);
    const double shift = log_shift(y.bound);
    CHECK(std::exp2(y.bound + shift) - 1 < e);
    CHECK(std::exp2(-y.bound + shift) - 1 > -e);
    CHECK(std::exp2(y.bound + shift) - 1 > 0.9 * e);
    CHECK(y.as_double == (e < 1e-4));
  }
  CHECK(log_bound<float>(x, nullptr, 1e-8).bound == 0);
  CHECK(log_bound<double>(all_sizes<double>(1000), nullptr, 1e-10).bound > 0);
}

TEST_CASE("signs come back, and cost little where they follow the last step") {
  GridShape shape;
  shape.dims = {61, 37, 5};
  fields::Random random(8);
  std::vector<float> x(shape.size()), before(shape.size());
  std::vector<uint8_t> skip(shape.size());
  for (size_t i = 0; i < x.size(); i++) {
    before[i] = random.unit() < 0.3 ? -1.f : 1.f;
    x[i] = i % 50 == 0 ? -before[i] : before[i];
    skip[i] = i % 7 == 0;
  }
  const auto negative = signs_of<float>(x, skip.data());
  const auto alone = encode_signs<float>(shape, negative, skip.data(), nullptr);
  const auto after = encode_signs<float>(shape, negative, skip.data(), before.data());
  CHECK(decode_signs<float>(shape, alone, skip.data(), nullptr) == negative);
  CHECK(decode_signs<float>(shape, after, skip.data(), before.data()) == negative);
  CHECK(after.size() * 3 < alone.size());
  CHECK(encode_signs<float>(shape, std::vector<uint8_t>(x.size()), skip.data(), nullptr).empty());
}
