// Payloads that hold what changed since the step before.
#include <doctest/doctest.h>
#include <zlib.h>

#include <numeric>
#include <random>

#include "base/error.hpp"
#include "stream/payload.hpp"
#include "stream/reference.hpp"
#include "stream/synthetic.hpp"

using namespace gaussitu;
using namespace gaussitu::test;

namespace {

/// The model of a step later: every Gaussian a little different, some gone, some new.
Model later(const QuantisedModel& base, size_t gone, size_t born, uint64_t seed) {
  fields::Random random(seed);
  const auto little = [&] { return static_cast<float>(0.1 * (random.unit() - 0.5)); };
  Model m = from_integers(base);
  m.value_min -= 0.05;
  m.value_range *= 1.1;
  m.origin.resize(m.count());
  std::iota(m.origin.begin(), m.origin.end(), 0u);
  for (size_t i = 0; i < m.count(); ++i) {
    for (int k = 0; k < 3; ++k)
      m.mu[k][i] = std::clamp(m.mu[k][i] + 4 * little(), 0.0f, static_cast<float>(m.domain.extent[k]));
    for (const int k : {0, 3, 5}) m.a[k][i] *= 1 + little();
    m.v[i] += 0.1f * little();
  }
  const Model fresh = synthetic(born, seed + 1, m.domain.extent);
  const size_t old = m.count() - std::min(gone, m.count());
  m.resize(old);
  m.resize(old + born);
  for (size_t i = 0; i < born; ++i) {
    for (int k = 0; k < 3; ++k) m.mu[k][old + i] = fresh.mu[k][i];
    for (int k = 0; k < 6; ++k) m.a[k][old + i] = fresh.a[k][i];
    m.v[old + i] = fresh.v[i];
  }
  return m;
}

void seal(std::vector<uint8_t>& bytes) {
  if (bytes.size() < 7) return;
  const auto crc = static_cast<uint32_t>(crc32_z(0, bytes.data() + 7, bytes.size() - 7));
  for (int i = 0; i < 4; ++i) bytes[3 + i] = static_cast<uint8_t>(crc >> (8 * i));
}

}  // namespace

TEST_CASE("changes give the model back bit for bit, with other steps, births and deaths") {
  for (const size_t n : {1, 2, 5, 40, 700})
    for (const auto& [gone, born] : {std::pair<size_t, size_t>{0, 0}, {1, 0}, {0, 7}, {n / 3, n / 2}}) {
      if (n == gone) continue;
      const auto base = to_integers(synthetic(n, n), kSteps);
      for (const float finer : {1.0f, 0.6f}) {
        QuantSteps steps = kSteps;
        steps.position *= finer, steps.scale *= finer, steps.skew *= finer, steps.value *= finer;
        const auto q = to_integers(later(base, gone, born, n), steps, base.lattice);
        const auto bytes = encode_delta(q, base);
        REQUIRE(!bytes.empty());
        CHECK(is_delta(bytes));
        CHECK(same(from_integers(parse_payload(bytes, &base)), from_integers(q)));
        // What is stored and what stands alone are the same model for the step after.
        CHECK(fingerprint(parse_payload(bytes, &base)) == fingerprint(parse_payload(encode_payload(q))));
      }
    }
}

TEST_CASE("changes to a field that became almost constant come back bit for bit") {
  const auto base = to_integers(synthetic(40, 5), kSteps);
  for (const double range : {1e-310, 1e-290, 1e300}) {
    auto m = later(base, 0, 0, 5);
    m.value_range = range;
    const auto q = to_integers(m, kSteps, base.lattice);
    const auto bytes = encode_delta(q, base);
    REQUIRE(!bytes.empty());
    CHECK(same(from_integers(parse_payload(bytes, &base)), from_integers(q)));
  }
}

TEST_CASE("small changes take a fraction of the bytes, and none next to nothing") {
  const auto base = to_integers(synthetic(2000, 3), kSteps);
  const auto q = to_integers(later(base, 0, 0, 3), kSteps, base.lattice);
  CHECK(encode_delta(q, base).size() < 0.6 * static_cast<double>(encode_payload(q).size()));
  QuantisedModel still = base;
  still.origin.resize(still.count());
  std::iota(still.origin.begin(), still.origin.end(), 0u);
  CHECK(encode_delta(still, base).size() < 200);
}

TEST_CASE("no changes without a common lattice and domain, or without origins") {
  const auto base = to_integers(synthetic(50, 3), kSteps);
  auto q = to_integers(later(base, 0, 0, 3), kSteps, base.lattice);
  auto other = q;
  other.origin.clear();
  CHECK(encode_delta(other, base).empty());
  other = q;
  other.lattice.bits[0]++;
  CHECK(encode_delta(other, base).empty());
  other = q;
  other.header.domain.origin[1] += 1;
  CHECK(encode_delta(other, base).empty());
}

TEST_CASE("changes to another model, or without one, are refused") {
  const auto base = to_integers(synthetic(50, 3), kSteps);
  const auto bytes = encode_delta(to_integers(later(base, 3, 4, 3), kSteps, base.lattice), base);
  const auto another = to_integers(synthetic(50, 4), kSteps);
  CHECK_THROWS_WITH_AS(parse_payload(bytes, &another),
                       "Payload holds changes to another model than the one of the step before", Error);
  try {
    decode_payload(bytes);
    FAIL("decoded without a base");
  } catch (const Error& e) {
    CHECK(e.code == Code::invalid_argument);
  }
}

TEST_CASE("the stream is a contract: these changes do not change within version 1") {
  const auto base = to_integers(synthetic(500, 42), kSteps);
  const auto bytes = encode_delta(to_integers(later(base, 20, 30, 42), kSteps, base.lattice), base);
  CHECK(bytes.size() == 1008);
  CHECK(crc32_z(0, bytes.data(), bytes.size()) == 3477443145u);
}

TEST_CASE("fuzz: 100,000 damaged changes neither crash nor hang nor allocate beyond what they stand on") {
  std::mt19937 random(321);
  std::vector<QuantisedModel> bases;
  std::vector<std::vector<uint8_t>> seeds;
  for (const size_t n : {1, 5, 25, 60}) {
    bases.push_back(to_integers(synthetic(n, 9), kSteps));
    seeds.push_back(encode_delta(
        to_integers(later(bases.back(), n / 5, n / 4, 9), kSteps, bases.back().lattice), bases.back()));
  }
  size_t decoded = 0;
  for (int trial = 0; trial < 100000; ++trial) {
    const size_t which = random() % seeds.size();
    auto bytes = seeds[which];
    if (random() % 3 == 0)
      bytes.resize(random() % (bytes.size() + 1));
    else
      for (uint32_t i = 0; i < 1 + random() % 4; ++i) {
        const size_t fixed = 13;  // magic to fingerprint: damage there is found at once
        const size_t at = random() % 8 ? fixed + random() % (bytes.size() - fixed) : random() % bytes.size();
        bytes[at] = static_cast<uint8_t>(random());
      }
    if (random() % 8) seal(bytes);
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    try {
      const Model m = from_integers(parse_payload(exact, &bases[which]));
      REQUIRE(m.count() <= kMaxGaussiansPerByte * exact.size() + bases[which].count());
      for (size_t i = 0; i < m.count(); ++i) {
        REQUIRE(m.a[0][i] > 0);
        REQUIRE(std::isfinite(m.mu[0][i] + m.a[2][i] + m.v[i]));
      }
      ++decoded;
    } catch (const Error& e) {
      REQUIRE((e.code == Code::corrupt_stream || e.code == Code::unsupported));
    }
  }
  CHECK(decoded > 1000);
}
