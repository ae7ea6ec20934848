#include "stream/payload.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <random>

#include "base/error.hpp"
#include "stream/synthetic.hpp"

using namespace gaussitu;
using namespace gaussitu::test;

namespace {

/// Puts a right checksum on damaged bytes, so that the parser behind it is reached.
void seal(std::vector<uint8_t>& bytes) {
  if (bytes.size() < 7) return;
  const auto crc = static_cast<uint32_t>(crc32_z(0, bytes.data() + 7, bytes.size() - 7));
  for (int i = 0; i < 4; ++i) bytes[3 + i] = static_cast<uint8_t>(crc >> (8 * i));
}

/// Decodes or refuses; anything else (crash, hang, other exceptions) fails the test. Returns whether it
/// decoded.
bool survives(const std::vector<uint8_t>& bytes) {
  // A copy of exactly this size, so that sanitizers see reads past the end.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  try {
    const Model m = decode_payload(exact);
    REQUIRE(m.count() <= kMaxGaussiansPerByte * exact.size());
    for (size_t i = 0; i < m.count(); ++i) {
      REQUIRE(m.a[0][i] > 0);
      REQUIRE(std::isfinite(m.mu[0][i] + m.a[2][i] + m.v[i]));
    }
    return true;
  } catch (const Error& e) {
    // invalid_argument: a damaged flag says that it holds changes.
    REQUIRE(
        (e.code == Code::corrupt_stream || e.code == Code::unsupported || e.code == Code::invalid_argument));
    return false;
  }
}

}  // namespace

TEST_CASE("a model comes back bit for bit, whatever its count and domain") {
  for (const size_t n : {0, 1, 2, 3, 4, 5, 31, 64, 65, 300, 3000}) {
    for (const auto& extent :
         {std::array{63., 31., 15.}, std::array{500., 0., 0.}, std::array{1e5, 3., 40.}}) {
      const auto q = to_integers(synthetic(n, n, extent), kSteps);
      CHECK(same(decode_payload(encode_payload(q)), from_integers(q)));
    }
  }
}

TEST_CASE("Gaussians outside the domain, of extreme sizes, and all in one place") {
  Model m = synthetic(200, 7);
  m.mu[0][3] = -50;
  m.mu[1][4] = 1e4f;
  m.a[0][5] = 1e-20f;
  m.a[3][6] = 1e20f;
  m.v[7] = 1e6f;
  CHECK(same(decode_payload(encode_payload(to_integers(m, kSteps))), from_integers(to_integers(m, kSteps))));
  for (auto& mu : m.mu) std::fill(mu.begin(), mu.end(), 3.0f);
  CHECK(same(decode_payload(encode_payload(to_integers(m, kSteps))), from_integers(to_integers(m, kSteps))));
}

TEST_CASE("equal Gaussians in great number still take a bit each: readers may trust the count") {
  Model m = synthetic(1, 1);
  Model many = m;
  many.resize(20000);
  for (size_t i = 0; i < many.count(); ++i) {
    for (int k = 0; k < 3; ++k) many.mu[k][i] = 0;
    for (int k = 0; k < 6; ++k) many.a[k][i] = m.a[k][0];
    many.v[i] = m.v[0];
  }
  const auto bytes = encode_payload(to_integers(many, kSteps));
  CHECK(bytes.size() * kMaxGaussiansPerByte >= many.count());
  CHECK(decode_payload(bytes).count() == many.count());
}

TEST_CASE("the header alone says what is inside") {
  const auto q = to_integers(synthetic(50, 3), kSteps);
  const PayloadInfo info = describe_payload(encode_payload(q));
  CHECK(info.gaussians == 50);
  CHECK(info.version == kPayloadVersion);
  CHECK(info.header.value_min == q.header.value_min);
  CHECK(info.header.value_range == q.header.value_range);
  CHECK(info.header.domain.origin == q.header.domain.origin);
}

TEST_CASE("the stream is a contract: these bytes do not change within version 1") {
  const auto bytes = encode_payload(to_integers(synthetic(500, 42), kSteps));
  CHECK(bytes.size() == 3035);
  CHECK(crc32_z(0, bytes.data(), bytes.size()) == 3106895437u);
}

TEST_CASE("other magic, newer versions and unknown flags are refused by name") {
  auto bytes = encode_payload(to_integers(synthetic(10, 1), kSteps));
  auto changed = bytes;
  changed[0] = 'X';
  CHECK_THROWS_WITH_AS(decode_payload(changed),
                       "Not a Gaussitu payload: expected bytes that start with \"Gs\"", Error);
  changed = bytes;
  changed[2] = 2;
  CHECK_THROWS_AS(decode_payload(changed), Error);
  changed = bytes;
  changed[7] |= 0x80;
  seal(changed);
  CHECK_THROWS_AS(decode_payload(changed), Error);
  changed = bytes;
  changed.back() ^= 1;
  CHECK_THROWS_AS(decode_payload(changed), Error);  // the checksum
}

TEST_CASE("fuzz: 200,000 damaged payloads neither crash nor hang nor allocate beyond their size") {
  std::mt19937 random(123);
  std::vector<std::vector<uint8_t>> seeds;
  for (const size_t n : {0, 1, 5, 25, 60})
    seeds.push_back(encode_payload(to_integers(synthetic(n, 9), kSteps)));
  size_t decoded = 0;
  for (int trial = 0; trial < 200000; ++trial) {
    auto bytes = seeds[random() % seeds.size()];
    switch (random() % 4) {
      case 0:
        bytes.resize(random() % (bytes.size() + 1));
        break;
      case 1:  // the header: counts, steps, lattice
        bytes[random() % std::min<size_t>(bytes.size(), 90)] = static_cast<uint8_t>(random());
        break;
      case 2:
        for (int i = 0; i < 4; ++i) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
        break;
      default:
        bytes.resize(random() % 200);
        for (auto& b : bytes) b = static_cast<uint8_t>(random());
        if (bytes.size() > 2) bytes[0] = 'G', bytes[1] = 's', bytes[2] = kPayloadVersion;
    }
    if (random() % 8) seal(bytes);
    decoded += survives(bytes);
  }
  CHECK(decoded > 1000);  // many damages leave something that parses: the parser was really reached
}
