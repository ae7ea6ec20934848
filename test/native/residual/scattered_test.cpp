// Error-bounded coding of scattered points.
#include "residual/scattered.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "residual/kd_tree.hpp"

using namespace gaussitu;

namespace {

std::vector<double> cloud(size_t n, uint32_t seed, bool flat = false) {
  std::mt19937 random(seed);
  std::vector<double> xyz(3 * n);
  for (size_t i = 0; i < 3 * n; i++) xyz[i] = flat && i % 3 == 2 ? 1.5 : double(random() % 100000) / 1e5;
  return xyz;
}

template <class T>
std::vector<T> field(const std::vector<double>& xyz, double phase) {
  std::vector<T> v(xyz.size() / 3);
  for (size_t i = 0; i < v.size(); i++)
    v[i] = T(std::sin(9 * xyz[3 * i] + phase) * std::cos(7 * xyz[3 * i + 1]) + xyz[3 * i + 2]);
  return v;
}

template <class T>
std::vector<uint8_t> round_trip(const NeighbourPlan& plan, const std::vector<T>& values, double bound,
                                std::span<const Reference> references, DecodedBlock<T>* out = nullptr) {
  DecodedBlock<T> encoded, decoded;
  const auto bytes = encode_scattered<T>(plan, values.data(), nullptr, bound, references, encoded);
  decode_scattered<T>(plan, bytes, nullptr, references, decoded);
  CHECK(encoded.values == decoded.values);
  CHECK(encoded.magnitudes == decoded.magnitudes);
  size_t broken = 0;
  for (size_t i = 0; i < values.size(); i++)
    if (!(std::fabs(double(values[i]) - double(decoded.values[i])) <= bound)) broken++;
  CHECK(broken == 0);
  if (out) *out = std::move(decoded);
  return bytes;
}

}  // namespace

TEST_CASE("the tree finds the nearest points, ties by index") {
  std::mt19937 random(3);
  std::vector<double> xyz(3 * 500);
  for (double& x : xyz) x = double(random() % 8);  // many ties and duplicates
  std::vector<uint32_t> all(500);
  for (uint32_t i = 0; i < 500; i++) all[i] = i;
  const KdTree tree(xyz, all);
  for (int query = 0; query < 200; query++) {
    const double at[3] = {double(random() % 9), double(random() % 9), double(random() % 9)};
    std::vector<Neighbour> expected(500), found(7);
    for (uint32_t i = 0; i < 500; i++) {
      double d2 = 0;
      for (int k = 0; k < 3; k++) d2 += (xyz[3 * i + size_t(k)] - at[k]) * (xyz[3 * i + size_t(k)] - at[k]);
      expected[i] = {d2, i};
    }
    std::sort(expected.begin(), expected.end());
    REQUIRE(tree.nearest(at, found) == 7);
    for (size_t j = 0; j < 7; j++) CHECK(found[j].point == expected[j].point);
  }
}

TEST_CASE("a plan visits every point once") {
  for (size_t n : {size_t{0}, size_t{1}, size_t{9}, size_t{64}, size_t{65}, size_t{5000}}) {
    const auto plan = plan_neighbours(cloud(n, 1));
    std::vector<int> seen(n, 0);
    for (const uint32_t i : plan.order) seen[i]++;
    CHECK(plan.order.size() == n);
    CHECK(plan.levels.back() == n);
    for (const int s : seen) CHECK(s == 1);
  }
}

TEST_CASE("the bound holds for clouds of any size, with and without history") {
  for (size_t n : {size_t{1}, size_t{8}, size_t{64}, size_t{70}, size_t{999}, size_t{20000}}) {
    for (const bool flat : {false, true}) {
      const auto xyz = cloud(n, 2, flat);
      const auto plan = plan_neighbours(xyz);
      const auto before = field<float>(xyz, 0), now = field<float>(xyz, 0.02);
      DecodedBlock<float> first;
      for (const double bound : {1.0, 1e-2, 1e-5}) {
        CAPTURE(n);
        const auto alone = round_trip(plan, now, bound, {});
        round_trip(plan, before, bound, {}, &first);
        const Reference earlier{first.values.data(), first.magnitudes.data(), true};
        const auto streamed = round_trip(plan, now, bound, std::span(&earlier, 1));
        if (n == 20000 && bound == 1e-5) CHECK(streamed.size() < alone.size());
      }
      round_trip(plan, field<double>(xyz, 0), 1e-9, {});
    }
  }
}

TEST_CASE("points in one place do no harm") {
  const std::vector<double> xyz(3 * 300, 0.25);
  std::vector<float> values(300);
  for (size_t i = 0; i < 300; i++) values[i] = float(i % 7);
  round_trip(plan_neighbours(xyz), values, 1e-3, {});
}

TEST_CASE("bytes do not depend on thread count") {
  const auto xyz = cloud(250000, 4);
  const auto now = field<float>(xyz, 0);
  const unsigned own = thread_count();
  std::vector<uint8_t> expected;
  for (const unsigned threads : {1u, 4u}) {
    set_thread_count(threads);
    const auto bytes = round_trip(plan_neighbours(xyz), now, 1e-3, {});
    if (expected.empty()) expected = bytes;
    CHECK(bytes == expected);
  }
  set_thread_count(own);
}

TEST_CASE("damaged streams throw or decode to something, never worse") {
  const auto xyz = cloud(700, 5);
  const auto plan = plan_neighbours(xyz);
  const auto values = field<float>(xyz, 0);
  DecodedBlock<float> decoded;
  const auto good = encode_scattered<float>(plan, values.data(), nullptr, 1e-3, {}, decoded);
  std::mt19937 random(12);
  for (int round = 0; round < 10000; round++) {
    auto bad = good;
    if (round % 3 == 0) bad.resize(random() % bad.size());
    for (uint32_t n = random() % 4; n > 0 && !bad.empty(); n--)
      bad[random() % bad.size()] = uint8_t(random());
    try {
      decode_scattered<float>(plan, bad, nullptr, {}, decoded);
    } catch (const Error& e) {
      CHECK(e.code == Code::corrupt_stream);
    }
  }
}
