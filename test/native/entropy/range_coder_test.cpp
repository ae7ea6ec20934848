#include "entropy/range_coder.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "base/error.hpp"
#include "entropy/integer_model.hpp"

using namespace gaussitu;

namespace {

// One stream of mixed symbols, written once for both directions.
template <class Coder>
void code_all(Coder& coder, std::vector<int32_t>& integers, std::vector<uint32_t>& uniforms,
              std::vector<uint8_t>& bits) {
  BitModel bit;
  IntegerModel integer;
  for (size_t i = 0; i < integers.size(); ++i) {
    bits[i] = static_cast<uint8_t>(coder.bit(bit, bits[i]));
    integers[i] = integer.code(coder, integers[i]);
    uniforms[i] = coder.uniform(uniforms[i], static_cast<uint32_t>(1 + i % kMaxUniform));
  }
}

double binary_entropy(double p) {
  return -p * std::log2(p) - (1 - p) * std::log2(1 - p);
}

}  // namespace

TEST_CASE("mixed symbols come back, for every length and distribution") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    const size_t n = random() % 400;
    const double width = std::exp2(random() % 27);
    std::vector<int32_t> integers(n);
    std::vector<uint32_t> uniforms(n);
    std::vector<uint8_t> bits(n);
    std::normal_distribution<double> normal(0, width);
    for (size_t i = 0; i < n; ++i) {
      integers[i] = static_cast<int32_t>(std::clamp(normal(random), -1e9, 1e9));
      uniforms[i] = random() % (1 + i % kMaxUniform);
      bits[i] = random() % 100 < static_cast<unsigned>(trial % 101);
    }
    auto i2 = integers;
    auto u2 = uniforms;
    auto b2 = bits;
    RangeEncoder encoder;
    code_all(encoder, i2, u2, b2);
    const auto bytes = encoder.finish();
    std::vector<int32_t> i3(n);
    std::vector<uint32_t> u3(n);
    std::vector<uint8_t> b3(n);
    RangeDecoder decoder(bytes);
    code_all(decoder, i3, u3, b3);
    REQUIRE(i3 == integers);
    REQUIRE(u3 == uniforms);
    REQUIRE(b3 == bits);
  }
}

TEST_CASE("carries run through long rows of 0xff") {
  // Symbols at the very top of a range that hardly shrinks drive low towards all ones.
  for (int tail = 0; tail < 64; ++tail) {
    RangeEncoder encoder;
    for (int i = 0; i < 200; ++i) encoder.uniform(65534, 65535);
    for (int i = 0; i < tail; ++i) encoder.uniform(i % 2, 2);
    const auto bytes = encoder.finish();
    RangeDecoder decoder(bytes);
    for (int i = 0; i < 200; ++i) REQUIRE(decoder.uniform(0, 65535) == 65534);
    for (int i = 0; i < tail; ++i) REQUIRE(decoder.uniform(0, 2) == static_cast<uint32_t>(i % 2));
  }
}

TEST_CASE("within 1 % of the entropy") {
  std::mt19937 random(2);
  constexpr int n = 100000;
  SUBCASE("skewed bits") {
    for (const double p : {0.5, 0.1, 0.02}) {
      std::bernoulli_distribution one(p);
      RangeEncoder encoder;
      BitModel model;
      for (int i = 0; i < n; ++i) encoder.bit(model, one(random));
      // The window of 250 decisions costs about 1 / (2 * 250 * ln 2) bits per decision.
      CHECK(8.0 * static_cast<double>(encoder.finish().size()) < n * (1.01 * binary_entropy(p) + 0.004));
    }
  }
  SUBCASE("normal integers") {
    std::normal_distribution<double> normal(0, 20);
    const double entropy = std::log2(20 * std::sqrt(2 * M_PI * std::exp(1.0)));
    RangeEncoder encoder;
    IntegerModel model;
    for (int i = 0; i < n; ++i) model.code(encoder, static_cast<int32_t>(std::lround(normal(random))));
    const double bits = 8.0 * static_cast<double>(encoder.finish().size()) / n;
    CHECK(bits > entropy - 0.02);
    CHECK(bits < 1.015 * entropy);
  }
}

TEST_CASE("a stream that ends early is refused, not read past") {
  RangeEncoder encoder;
  for (int i = 0; i < 100; ++i) encoder.uniform(12345, 65536);
  const auto bytes = encoder.finish();
  RangeDecoder decoder(std::span<const uint8_t>(bytes).first(20));
  CHECK_THROWS_AS(for (int i = 0; i < 100; ++i) decoder.uniform(0, 65536), Error);
}
