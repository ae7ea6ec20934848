// Error-bounded coding of structured blocks: the bound holds for every value of any shape, bound and history,
// and the bytes are the same whatever the thread count and the instruction set.
#include "residual/structured.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/error.hpp"
#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "residual/specials.hpp"

using namespace gaussitu;

namespace {

template <class T>
std::vector<T> waves(const GridShape& shape, double phase, double noise, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<T> v(shape.size());
  size_t i = 0;
  for (int64_t z = 0; z < shape.dims[2]; z++)
    for (int64_t y = 0; y < shape.dims[1]; y++)
      for (int64_t x = 0; x < shape.dims[0]; x++) {
        const double r = double(random()) / 4294967296.0 - 0.5;
        v[i++] = T(std::sin(0.21 * double(x) + phase) * std::cos(0.17 * double(y)) +
                   0.3 * std::sin(0.4 * double(z)) + noise * r);
      }
  return v;
}

/// Encodes, decodes, checks; returns the bytes.
template <class T>
std::vector<uint8_t> round_trip(const GridShape& shape, const std::vector<T>& values, double bound,
                                std::span<const Reference> references, const uint8_t* skip = nullptr,
                                DecodedBlock<T>* out = nullptr) {
  DecodedBlock<T> encoded, decoded;
  const auto bytes = encode_structured<T>(shape, values.data(), skip, bound, references, encoded);
  decode_structured<T>(shape, bytes, skip, references, decoded);
  CHECK(std::memcmp(encoded.values.data(), decoded.values.data(), sizeof(T) * shape.size()) == 0);
  CHECK(encoded.magnitudes == decoded.magnitudes);
  size_t broken = 0;
  for (size_t i = 0; i < shape.size(); i++)
    if (!(skip && skip[i]) && !(std::fabs(double(values[i]) - double(decoded.values[i])) <= bound)) broken++;
  CHECK(broken == 0);
  if (out) *out = std::move(decoded);
  return bytes;
}

}  // namespace

TEST_CASE("the bound holds for any shape") {
  const std::array<int64_t, 3> shapes[] = {{1, 1, 1},    {2, 1, 1},    {1, 1, 7},  {5, 1, 1},
                                           {1000, 1, 1}, {31, 37, 1},  {1, 17, 3}, {13, 11, 7},
                                           {64, 64, 3},  {67, 33, 19}, {3, 3, 3}};
  for (const auto& dims : shapes) {
    GridShape shape{dims};
    for (double bound : {10.0, 0.1, 1e-3, 1e-6}) {
      CAPTURE(dims[0]);
      CAPTURE(bound);
      round_trip(shape, waves<float>(shape, 0, 0.1, 1), bound, {});
      round_trip(shape, waves<double>(shape, 0, 0.1, 2), bound * 1e-3, {});
    }
  }
}

TEST_CASE("the bound holds for values over the whole range of floats") {
  std::mt19937 random(7);
  GridShape shape{{23, 9, 5}};
  for (int round = 0; round < 40; round++) {
    std::vector<float> values(shape.size());
    for (float& v : values) {
      do {
        const uint32_t bits = random();
        std::memcpy(&v, &bits, 4);
      } while (!std::isfinite(v));
    }
    round_trip(shape, values, std::pow(10.0, int(random() % 70) - 35), {});
  }
}

TEST_CASE("history and siblings shrink the stream and keep the bound") {
  GridShape shape{{64, 48, 20}};
  const auto before = waves<float>(shape, 0.00, 0.02, 3), now = waves<float>(shape, 0.02, 0.02, 3);
  DecodedBlock<float> first;
  const auto alone = round_trip(shape, now, 1e-3, {});
  round_trip(shape, before, 1e-3, {}, nullptr, &first);
  const Reference earlier{first.values.data(), first.magnitudes.data(), true};
  const auto streamed = round_trip(shape, now, 1e-3, std::span(&earlier, 1));
  CHECK(streamed.size() * 2 < alone.size());

  std::vector<float> sibling(now.size());
  for (size_t i = 0; i < now.size(); i++) sibling[i] = -3 * now[i] + 5;
  const Reference other{sibling.data(), nullptr, false};
  CHECK(round_trip(shape, now, 1e-3, std::span(&other, 1)).size() * 4 < alone.size());
}

TEST_CASE("integers kept as floats cost no more than their own entropy") {
  GridShape shape{{40, 40, 10}};
  auto values = waves<float>(shape, 0, 0.05, 5);
  for (float& v : values) v = std::round(v * 20);
  const auto coarse = round_trip(shape, values, 0.3, {});
  const auto fine = round_trip(shape, values, 1e-5, {});
  CHECK(fine.size() < coarse.size() + 16);
}

TEST_CASE("bytes do not depend on instruction set or thread count") {
  GridShape shape{{120, 90, 40}};
  const auto before = waves<float>(shape, 0, 0.05, 3), now = waves<float>(shape, 0.02, 0.05, 4);
  const std::string own = instruction_set_name();
  const unsigned threads = thread_count();
  std::vector<uint8_t> expected;
  for (const char* set : {"scalar", "avx2", "avx512"}) {
    for (unsigned count : {1u, 3u}) {
      try {
        set_instruction_set(set);
      } catch (const Error&) {
        MESSAGE("this processor has no " << set);
        continue;
      }
      set_thread_count(count);
      const Reference earlier{before.data(), nullptr, true};
      const auto bytes = round_trip(shape, now, 1e-3, std::span(&earlier, 1));
      if (expected.empty()) expected = bytes;
      CHECK(bytes == expected);
    }
  }
  set_instruction_set(own);
  set_thread_count(threads);
}

TEST_CASE("special values come back exactly and disturb nothing") {
  GridShape shape{{50, 40, 3}};
  auto values = waves<float>(shape, 0, 0.01, 9);
  for (size_t i = 0; i < values.size(); i++) {
    if (i % 50 > 30) values[i] = 1e20f;
    if (i % 997 == 0) values[i] = std::nanf("");
    if (i % 991 == 1) values[i] = -INFINITY;
    if (i % 983 == 2) values[i] = -0.0f;
    if (i % 977 == 3) values[i] = 1e-40f;
  }
  const float fill = 1e20f;
  const auto specials = find_specials<float>(values, std::span(&fill, 1));
  const auto mask = encode_specials(shape, specials);
  CHECK(mask.size() < 600);
  auto restored = decode_specials<float>(shape, mask);
  CHECK(restored.mask == specials.mask);
  DecodedBlock<float> decoded;
  round_trip(shape, values, 1e-3, {}, specials.skip(), &decoded);
  restore_specials(restored, decoded.values.data());
  for (size_t i = 0; i < values.size(); i++) {
    if (!specials.mask[i]) continue;
    const bool same = std::isnan(values[i]) ? std::isnan(decoded.values[i])
                                            : std::memcmp(&values[i], &decoded.values[i], 4) == 0;
    if (!same) FAIL("value " << i << " changed");
  }
}

TEST_CASE("damaged streams throw or decode to something, never worse") {
  GridShape shape{{19, 13, 6}};
  const auto values = waves<float>(shape, 0, 0.1, 1);
  DecodedBlock<float> decoded;
  const auto good = encode_structured<float>(shape, values.data(), nullptr, 1e-2, {}, decoded);
  std::mt19937 random(11);
  size_t refused = 0;
  for (int round = 0; round < 20000; round++) {
    auto bad = good;
    if (round % 3 == 0) bad.resize(random() % bad.size());
    for (uint32_t n = random() % 4; n > 0 && !bad.empty(); n--)
      bad[random() % bad.size()] = uint8_t(random());
    try {
      decode_structured<float>(shape, bad, nullptr, {}, decoded);
      for (float v : decoded.values)
        if (!std::isfinite(v)) FAIL("not finite");
    } catch (const Error& e) {
      CHECK(e.code == Code::corrupt_stream);
      refused++;
    }
  }
  CHECK(refused > 0);
}
