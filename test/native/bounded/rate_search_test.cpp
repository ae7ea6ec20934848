// Bounds that are searched for: sizes and qualities are met, on grids and scattered points, the same on any
// number of threads.
#include "bounded/rate_search.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/thread_pool.hpp"
#include "fields.hpp"

using namespace gaussitu;

namespace {

struct Place {
  std::shared_ptr<const Layout> layout;
  std::vector<float> values;
};

/// Waves with some noise, so that no bound makes them free.
std::vector<float> rough(std::vector<float> values, uint64_t seed) {
  fields::Random random(seed);
  for (float& v : values) v += static_cast<float>(0.05 * random.in(-1, 1));
  return values;
}

Place on_grid() {
  return {make_layout(fields::grid(40, 31, 23), Association::node),
          rough(fields::wave_on_grid(40, 31, 23), 1)};
}

Place scattered() {
  const auto points = fields::scatter(20000, 40, 30, 20);
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(points);
  std::vector<float> values;
  for (size_t i = 0; i < points.size(); i += 3)
    values.push_back(static_cast<float>(fields::wave(points[i], points[i + 1], points[i + 2])));
  return {make_layout(mesh, Association::node), rough(values, 2)};
}

BoundedResult coded(const Place& place, const RateTarget& target, const BoundedReferences& offered = {}) {
  const BoundedResult result = encode_to_rate(*place.layout, fields::view(place.values), target, {}, offered);
  BoundedReferences used;
  if (result.uses_earlier) used.earlier = offered.earlier;
  const BoundedDecoded decoded = decode_bounded(*place.layout, Dtype::f32, result.payload, used);
  const auto& out = std::get<Array<float>>(decoded.values());
  double largest = 0;
  for (size_t i = 0; i < out.size(); i++)
    largest = std::max(largest, std::fabs(double(out[i]) - double(place.values[i])));
  CHECK(largest == result.metrics.max_error);
  CHECK(largest <= result.bound);
  return result;
}

/// Trials of a search on y = f(log bound), and the bound it ends with.
template <class Bytes>
std::pair<int, size_t> search(const RateTarget& target, const Bytes& bytes_at) {
  RateSearch search(target, 1.0, 100000);
  int trials = 0;
  size_t best = 0;
  while (const auto bound = search.next()) {
    trials++;
    const size_t bytes = bytes_at(*bound);
    if (search.report(bytes, 10 - 20 * std::log10(*bound))) best = bytes;
  }
  return {trials, best};
}

}  // namespace

TEST_CASE("sizes are met from below, within 2 %") {
  for (const Place& place : {on_grid(), scattered()})
    for (const double ratio : {5.0, 10.0, 25.0}) {
      const auto bytes = static_cast<size_t>(4 * double(place.values.size()) / ratio);
      const BoundedResult result = coded(place, {bytes, 0, 0});
      CHECK(result.payload.size() <= bytes);
      CHECK(double(result.payload.size()) >= 0.97 * double(bytes));
    }
}

TEST_CASE("qualities are met from above, within a few tenths of a decibel") {
  for (const Place& place : {on_grid(), scattered()})
    for (const double psnr : {30.0, 50.0, 75.0}) {
      const BoundedResult result = coded(place, {0, psnr, 0});
      CHECK(result.metrics.psnr >= psnr);
      CHECK(result.metrics.psnr <= psnr + 0.3);  // wide bounds: few codes, and a bumpy curve
    }
}

TEST_CASE("history makes the bound tighter at the same size") {
  const Place place = on_grid();
  const BoundedResult first = coded(place, {3000, 0, 0});
  const BoundedResult second = coded(place, {3000, 0, first.bound}, {{first.state}, {}});
  CHECK(second.uses_earlier);
  CHECK(second.bound < first.bound);
  CHECK(second.metrics.psnr > first.metrics.psnr);
}

TEST_CASE("the same bytes on any number of threads") {
  const Place place = on_grid();
  const unsigned before = thread_count();
  set_thread_count(1);
  const BoundedResult one = coded(place, {4000, 0, 0});
  set_thread_count(3);
  const BoundedResult three = coded(place, {4000, 0, 0});
  set_thread_count(before);
  CHECK(one.payload == three.payload);
  CHECK(one.bound == three.bound);
}

TEST_CASE("a good guess needs few trials, a bad one not many") {
  const auto bytes_at = [](double bound) { return static_cast<size_t>(1000 * std::pow(bound, -0.9)); };
  const size_t target = bytes_at(0.01);
  const auto near = search({target, 0, 0.0104}, bytes_at);
  CHECK(near.first <= 3);
  for (const double guess : {1e-9, 1e-4, 0.5, 1e6}) {
    const auto far = search({target, 0, guess}, bytes_at);
    CHECK(far.first <= 8);
    CHECK(far.second <= target);
    CHECK(double(far.second) >= 0.98 * double(target));
  }
}

TEST_CASE("steps and plateaus of the size do not trap the search") {
  // Falls by jumps of 30 %: no bound comes within 2 % of most targets.
  const auto stairs = [](double bound) {
    return static_cast<size_t>(1000 * std::pow(1.3, std::floor(-8 * std::log10(bound))));
  };
  for (const size_t target : {1500u, 5000u, 20000u}) {
    const auto [trials, best] = search({target, 0, 0.01}, stairs);
    CHECK(trials <= 10);
    CHECK(best <= target);
    CHECK(double(best) >= double(target) / 1.3 * 0.99);
  }
}

TEST_CASE("what no bound can meet") {
  const Place place = on_grid();
  // Less than the least residual: the smallest that was found, a valid payload.
  CHECK(coded(place, {8, 0, 0}).payload.size() > 8);
  // More than single precision holds: exact.
  CHECK(std::isinf(coded(place, {0, 290, 0}).metrics.psnr));
  // No range to be relative to.
  Place flat{make_layout(fields::grid(9, 9, 9), Association::node), std::vector<float>(729, 3.5f)};
  flat.values[10] = std::numeric_limits<float>::infinity();
  const BoundedResult result = encode_to_rate(*flat.layout, fields::view(flat.values), {100, 0, 0}, {}, {});
  CHECK(result.bound == 0);
  CHECK(result.metrics.rmse == 0);
}
