// Parts of sample sets: subsets, eighths of grids, and which tiles are whole.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "fields.hpp"
#include "sample/eighths.hpp"
#include "sample/sample_set.hpp"
#include "sample/subset.hpp"

using namespace gaussitu;

namespace {

// Kernels do not read the weights of a whole tile.
void check_whole(const SampleSet& s, size_t whole) {
  size_t tiles = 0;
  for (const auto& tile : s.tiles) {
    const auto first = s.weight.begin() + tile.begin;
    CHECK(tile.whole == std::all_of(first, first + tile.count, [](float w) { return w == 1; }));
    tiles += tile.whole;
  }
  CHECK(tiles == whole);
}

}  // namespace

TEST_CASE("a part of a grid keeps whole coordinates and lies evenly; a part of points is spread over all") {
  const SampleSet all = make_samples(fields::grid(50, 33, 20), Association::node, {});
  const SampleSet part = every_few(all, 50 * 33 * 20 / 60);
  CHECK(part.finite == 13 * 9 * 5);
  CHECK(part.domain.extent == all.domain.extent);
  size_t found = 0;
  for (size_t s = 0; s < part.source.size(); s++) {
    if (part.source[s] == kNoSource) continue;
    const auto x = part.source[s] % 50, y = part.source[s] / 50 % 33, z = part.source[s] / (50 * 33);
    CHECK(x % 4 + y % 4 + z % 4 == 0);
    CHECK(part.x[s] == static_cast<float>(x));
    CHECK(part.y[s] == static_cast<float>(y));
    CHECK(part.z[s] == static_cast<float>(z));
    found++;
  }
  CHECK(found == part.finite);

  const auto xyz = fields::scatter(5000, 10, 10, 10);
  MeshView cloud;
  cloud.kind = MeshKind::points;
  cloud.points = {xyz.data(), Dtype::f32, xyz.size(), 1};
  const SampleSet points = make_samples(cloud, Association::node, {});
  const SampleSet few = every_few(points, 500);
  CHECK(few.finite == 500);
  CHECK(few.measured == 500);
  const std::set<uint32_t> distinct(few.source.begin(), few.source.end());
  CHECK(distinct.size() - distinct.count(kNoSource) == 500);

  SampleSet valued = few;
  std::vector<float> field(5000, 1.5f);
  for (size_t i = 0; i < field.size(); i += 2) field[i] = std::numeric_limits<float>::quiet_NaN();
  set_values(valued, std::span<const float>(field), 1, 3);
  CHECK(valued.finite < 500);
  CHECK(valued.measured == valued.finite);
  CHECK(valued.mean == 0.25f);
}

TEST_CASE("a tile is whole when no sample of it has another weight than 1") {
  auto values = fields::wave_on_grid(32, 33, 32);
  values[5] = NAN;
  check_whole(make_samples(fields::grid(32, 32, 32), Association::node,
                           fields::view(std::vector<float>(values.begin(), values.begin() + 32768))),
              3);
  const SampleSet grid = make_samples(fields::grid(32, 33, 32), Association::node, fields::view(values));
  check_whole(grid, 3);  // the last row has padding beside it
  Eighths eighths(grid);
  for (unsigned corner = 0; corner < 8; corner++) {
    eighths.select(corner);
    check_whole(eighths.samples(), corner == 1 ? 0 : 1);
  }
}

TEST_CASE("the eight eighths of a grid are all its samples, each once, in their places") {
  constexpr uint32_t nx = 37, ny = 18, nz = 21;
  std::vector<float> values = fields::wave_on_grid(nx, ny, nz);
  values[1234] = std::numeric_limits<float>::quiet_NaN();
  const SampleSet grid = make_samples(fields::grid(nx, ny, nz), Association::node, fields::view(values));
  std::vector<float> scaled(values.size(), -1);
  for (size_t k = 0; k < grid.x.size(); k++)
    if (grid.weight[k] > 0) scaled[grid.source[k]] = grid.value[k];
  Eighths eighths(grid);
  std::vector<int> seen(values.size());
  size_t finite = 0;
  for (unsigned corner = 0; corner < 8; corner++) {
    eighths.select(corner);
    const SampleSet& part = eighths.samples();
    finite += part.finite;
    for (size_t k = 0; k < part.x.size(); k++) {
      if (!(part.weight[k] > 0)) continue;
      const auto x = static_cast<size_t>(2 * (part.x[k] + part.shift[0])),
                 y = static_cast<size_t>(2 * (part.y[k] + part.shift[1])),
                 z = static_cast<size_t>(2 * (part.z[k] + part.shift[2]));
      const size_t at = (z * ny + y) * nx + x;
      REQUIRE(at < seen.size());
      seen[at]++;
      CHECK(part.value[k] == scaled[at]);
    }
  }
  CHECK(finite == grid.finite);
  for (size_t at = 0; at < seen.size(); at++) CHECK(seen[at] == (at == 1234 ? 0 : 1));
}
