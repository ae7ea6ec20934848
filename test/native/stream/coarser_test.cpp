// Prefixes of payloads are coarser models.
#include "stream/coarser.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/error.hpp"
#include "stream/payload.hpp"
#include "stream/synthetic.hpp"

using namespace gaussitu;
using namespace gaussitu::test;

namespace {

/// Bytes before the Gaussians: the least that a prefix needs.
size_t header_bytes(const std::vector<uint8_t>& bytes) {
  for (size_t n = 7;; n++) {
    try {
      parse_coarser({bytes.data(), n}, 1);
      return n;
    } catch (const Error&) {
    }
  }
}

std::vector<uint64_t> cells(const QuantisedModel& q) {
  auto cells = q.cell;
  std::sort(cells.begin(), cells.end());
  return cells;
}

}  // namespace

TEST_CASE("a whole payload at part 1 is the model itself") {
  for (const size_t n : {0, 1, 2, 5, 700}) {
    const auto q = to_integers(synthetic(n, n), kSteps);
    CHECK(same(from_integers(parse_coarser(encode_payload(q), 1)), from_integers(q)));
  }
}

TEST_CASE(
    "a part has as many Gaussians as asked for, of the model's own, evenly along its curve, and wider") {
  const size_t n = 1000;
  const auto q = to_integers(synthetic(n, 8), kSteps);
  const auto bytes = encode_payload(q);
  for (const size_t wanted : {1, 2, 3, 125, 250, 251, 500, 999}) {
    const auto some = parse_coarser(bytes, static_cast<double>(wanted) / n);
    REQUIRE(some.count() == wanted);
    const auto whole = cells(q), part = cells(some);
    CHECK(std::includes(whole.begin(), whole.end(), part.begin(), part.end()));
    // Between two that follow each other lie at most twice as many as on average.
    size_t before = 0, longest = 0;
    for (const uint64_t cell : part) {
      const auto at = static_cast<size_t>(std::upper_bound(whole.begin(), whole.end(), cell) - whole.begin());
      longest = std::max(longest, at - before);
      before = at;
    }
    CHECK(longest <= 2 * (n / wanted) + 4);
    const Model wide = from_integers(some), narrow = from_integers(q);
    const auto mean = [](const Model& m) {
      double sum = 0;
      for (const float a : m.a[0]) sum += std::log2(a);
      return sum / static_cast<double>(m.count());
    };
    if (wanted >= 125)
      CHECK(mean(narrow) - mean(wide) == doctest::Approx(std::log2(double(n) / wanted) / 3).epsilon(0.3));
  }
}

TEST_CASE(
    "a payload cut anywhere behind its header is the model of what is whole, and ends as the whole one") {
  const auto bytes = encode_payload(to_integers(synthetic(300, 4), kSteps));
  const size_t header = header_bytes(bytes);
  CHECK(header < 120);
  size_t before = 0;
  for (size_t n = header; n <= bytes.size(); n++) {
    const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    const auto q = parse_coarser(cut, 1);
    CHECK(q.count() >= before);
    before = q.count();
    // What is there is what the whole payload begins with.
    if (n % 97 == 0 && q.count() > 0)
      CHECK(same(from_integers(q), from_integers(parse_coarser(bytes, (double(q.count()) - 0.5) / 300))));
  }
  CHECK(before == 300);
  const std::vector<uint8_t> most(bytes.begin(), bytes.end() - 8);
  CHECK(parse_coarser(most, 1).count() >= 297);
}

TEST_CASE("a few bytes of a payload with many Gaussians give a few, and take no memory for the rest") {
  const auto bytes = encode_payload(to_integers(synthetic(5000, 4), kSteps));
  const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + 150);
  const auto q = parse_coarser(cut, 1);
  CHECK(q.count() > 5);
  CHECK(q.count() < 40);
}

TEST_CASE("changes to another model and parts out of range are refused") {
  const auto bytes = encode_payload(to_integers(synthetic(30, 4), kSteps));
  for (const double part : {0.0, -1.0, 1.5, std::nan("")}) CHECK_THROWS_AS(parse_coarser(bytes, part), Error);
  auto base = to_integers(synthetic(30, 4), kSteps);
  auto q = base;
  q.origin.resize(q.count());
  for (size_t i = 0; i < q.count(); i++) q.origin[i] = static_cast<uint32_t>(i);
  CHECK_THROWS_AS(parse_coarser(encode_delta(q, base), 0.5), Error);
}

TEST_CASE("fuzz: 100,000 cut and damaged payloads neither crash nor hang nor allocate beyond their size") {
  std::mt19937 random(77);
  std::vector<std::vector<uint8_t>> seeds;
  for (const size_t n : {0, 1, 25, 400})
    seeds.push_back(encode_payload(to_integers(synthetic(n, 9), kSteps)));
  size_t parsed = 0;
  for (int trial = 0; trial < 100000; ++trial) {
    auto bytes = seeds[random() % seeds.size()];
    bytes.resize(std::min<size_t>(bytes.size(), 300));
    if (random() % 2) bytes.resize(random() % (bytes.size() + 1));
    for (uint32_t i = random() % 3; i > 0 && bytes.size() > 7; --i)
      bytes[3 + random() % (bytes.size() - 3)] = static_cast<uint8_t>(random());
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    try {
      const auto q = parse_coarser(exact, double(1 + random() % 100) / 100);
      REQUIRE(q.count() <= kMaxGaussiansPerByte * exact.size());
      ++parsed;
    } catch (const Error& e) {
      REQUIRE((e.code == Code::corrupt_stream || e.code == Code::unsupported ||
               e.code == Code::invalid_argument));
    }
  }
  CHECK(parsed > 10000);
}
