// Error-bounded coding of scattered points.
#include "residual/scattered.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <set>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "fields.hpp"
#include "residual/kd_tree.hpp"
#include "residual/mesh_graph.hpp"

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

TEST_CASE("points in one place do no harm, however many") {
  for (const size_t n : {size_t{300}, size_t{30000}}) {
    const std::vector<double> xyz(3 * n, 0.25);
    std::vector<float> values(n);
    for (size_t i = 0; i < n; i++) values[i] = float(i % 7);
    round_trip(plan_neighbours(xyz), values, 1e-3, {});
  }
}

TEST_CASE("no two points of a level are neighbours, and all neighbours come before") {
  const auto xyz = cloud(3000, 9);
  const auto plan = plan_neighbours(xyz);
  std::vector<size_t> level(3000);
  for (size_t l = 0; l + 1 < plan.levels.size(); l++)
    for (size_t at = plan.levels[l]; at < plan.levels[l + 1]; at++) level[plan.order[at]] = l;
  size_t wrong = 0;
  for (size_t at = plan.levels[1]; at < 3000; at++)
    for (size_t j = 0; j < kNeighbours; j++)
      wrong += level[plan.neighbours[at * kNeighbours + j]] >= level[plan.order[at]];
  CHECK(wrong == 0);
}

TEST_CASE("weights of the mean and of the fit sum to 1, those of the slopes to 0") {
  const auto xyz = cloud(2000, 10);
  const auto plan = plan_neighbours(xyz);
  double worst = 0, slopes = 0;
  for (size_t at = plan.levels[plan.levels.size() - 2]; at < 2000; at++) {
    double mean = 0, linear = 0;
    std::array<double, 3> slope{};
    for (size_t j = 0; j < kNeighbours; j++) {
      mean += double(plan.mean[at * kNeighbours + j]);
      linear += double(plan.linear[at * kNeighbours + j]);
      for (size_t k = 0; k < 3; k++) slope[k] += double(plan.slope[k][at * kNeighbours + j]);
    }
    worst = std::max({worst, std::fabs(mean - 1), std::fabs(linear - 1)});
    for (const double s : slope) slopes = std::max(slopes, std::fabs(s));
  }
  CHECK(worst < 1e-5);
  CHECK(slopes < 1e-5);
}

namespace {

/// Hexahedra around a cylinder, graded towards it: at the wall `aspect` times longer than high, each layer's
/// sag far larger than its height. Nodes are moved at random by a fifth of what is between them.
struct Layers {
  size_t nx, ny, nz;
  std::vector<double> points;
  std::vector<int32_t> connectivity, offsets{0};
  std::vector<uint8_t> types;

  Layers(size_t x, size_t y, size_t z, double aspect) : nx(x), ny(y), nz(z) {
    std::mt19937 random(6);
    auto jitter = [&] { return (double(random() % 1000) / 500 - 1) * 0.2; };
    const double length = 0.1, first = length / aspect;
    for (size_t k = 0; k <= nz; k++)
      for (size_t j = 0; j <= ny; j++)
        for (size_t i = 0; i <= nx; i++) {
          const double layer = double(j) + (j > 0 ? jitter() : 0);
          const double r = 1 + first * (std::pow(1.15, layer) - 1) / 0.15;
          const double a = length * (double(i) + jitter());
          points.insert(points.end(), {r * std::cos(a), r * std::sin(a), length * (double(k) + jitter())});
        }
    auto node = [&](size_t i, size_t j, size_t k) { return int32_t(i + (nx + 1) * (j + (ny + 1) * k)); };
    for (size_t k = 0; k < nz; k++)
      for (size_t j = 0; j < ny; j++)
        for (size_t i = 0; i < nx; i++) {
          for (size_t up : {k, k + 1})
            connectivity.insert(connectivity.end(), {node(i, j, up), node(i + 1, j, up),
                                                     node(i + 1, j + 1, up), node(i, j + 1, up)});
          offsets.push_back(int32_t(connectivity.size()));
          types.push_back(12);
        }
  }
  MeshView view() const { return fields::cells(points, connectivity, offsets, types); }
  /// What a flow does there: as much change from layer to layer as along them.
  std::vector<float> cell_values() const {
    std::vector<float> v;
    for (size_t k = 0; k < nz; k++)
      for (size_t j = 0; j < ny; j++)
        for (size_t i = 0; i < nx; i++)
          v.push_back(float(std::sin(0.3 * double(i) + 0.4 * double(j)) +
                            std::cos(0.35 * double(k) - 0.2 * double(j))));
    return v;
  }
  std::vector<double> centres() const {
    std::vector<double> xyz;
    for (size_t c = 0; c < types.size(); c++)
      for (size_t d = 0; d < 3; d++) {
        double sum = 0;
        for (size_t i = 0; i < 8; i++) sum += points[3 * size_t(connectivity[8 * c + i]) + d];
        xyz.push_back(sum / 8);
      }
    return xyz;
  }
};

std::set<uint32_t> linked(const MeshGraph& g, size_t i) {
  return {g.to.begin() + std::ptrdiff_t(g.first[i]), g.to.begin() + std::ptrdiff_t(g.first[i + 1])};
}

}  // namespace

TEST_CASE("cells that share a face and nodes that share an edge are neighbours") {
  const Layers mesh(4, 3, 2, 10);
  const auto cells = connectivity_graph(mesh.view(), Association::cell);
  CHECK(linked(cells, 0) == std::set<uint32_t>{1, 4, 12});
  CHECK(linked(cells, 5) == std::set<uint32_t>{1, 4, 6, 9, 17});
  const auto nodes = connectivity_graph(mesh.view(), Association::node);
  CHECK(linked(nodes, 0) == std::set<uint32_t>{1, 5, 20});
  CHECK(linked(nodes, 26) == std::set<uint32_t>{6, 21, 25, 27, 31, 46});

  // Two tetrahedra on a common face, one of them also given with a node named twice, a triangle and a line.
  const std::vector<double> points(3 * 8, 0.0);
  const std::vector<int32_t> connectivity{0, 1, 2, 3, 1, 2, 3, 4, 1, 1, 2, 3, 5, 6, 7, 6, 7};
  const std::vector<int32_t> offsets{0, 4, 8, 12, 15, 17};
  const std::vector<uint8_t> types{10, 10, 10, 5, 3};
  MeshView m = mesh.view();
  m.points.data = points.data();
  m.points.count = points.size();
  m.connectivity = connectivity.data();
  m.offsets = offsets.data();
  m.types = types.data();
  m.cells = 5;
  m.connectivity_count = connectivity.size();
  const auto mixed = connectivity_graph(m, Association::cell);
  CHECK(linked(mixed, 0) == std::set<uint32_t>{1, 2});
  CHECK(linked(mixed, 2) == std::set<uint32_t>{0, 1});
  CHECK(linked(mixed, 3) == std::set<uint32_t>{4});  // an edge in common with the line
  CHECK(linked(mixed, 4) == std::set<uint32_t>{3});
  const auto joined = connectivity_graph(m, Association::node);
  CHECK(linked(joined, 1) == std::set<uint32_t>{0, 2, 3, 4});
  CHECK(linked(joined, 6) == std::set<uint32_t>{5, 7});
}

TEST_CASE("one cell of all nodes, or one node of all cells, takes no squared time") {
  const size_t n = 200000;
  const std::vector<double> points(3 * n, 0.0);
  std::vector<int32_t> connectivity, offsets{0};
  for (size_t i = 0; i < n; i++) connectivity.push_back(int32_t(i));
  offsets.push_back(int32_t(n));
  for (size_t i = 1; i + 1 < n; i++) {  // a fan of triangles around node 0
    connectivity.insert(connectivity.end(), {0, int32_t(i), int32_t(i + 1)});
    offsets.push_back(int32_t(connectivity.size()));
  }
  std::vector<uint8_t> types(n - 1, 5);
  types[0] = 7;
  const MeshView m = fields::cells(points, connectivity, offsets, types);
  CHECK(linked(connectivity_graph(m, Association::node), 0).size() == n - 1);
  CHECK(linked(connectivity_graph(m, Association::node), 7) == std::set<uint32_t>{0, 6, 8});
  CHECK(connectivity_graph(m, Association::cell).to.empty());
}

TEST_CASE("cells a thousand times longer than high, curved and irregular, cost no more than cubes") {
  const Layers thin(40, 30, 20, 1000), cubes(40, 30, 20, 1);
  const auto values = thin.cell_values();
  auto size = [&](const Layers& mesh, const MeshGraph& graph) {
    return round_trip(plan_neighbours(mesh.centres(), graph), values, 1e-3, {}).size();
  };
  const size_t connected = size(thin, connectivity_graph(thin.view(), Association::cell));
  CHECK(connected < 1.1 * size(cubes, connectivity_graph(cubes.view(), Association::cell)));
  CHECK(connected < 0.8 * size(thin, {}));
}

TEST_CASE("isolated points and parts that are not connected are linked to what is near") {
  // Half of the cloud are single cells of four nodes of their own, the rest is in no cell at all.
  const auto xyz = cloud(2000, 11);
  MeshGraph graph;
  graph.first.push_back(0);
  for (uint32_t i = 0; i < 2000; i++) {
    for (uint32_t j = i / 4 * 4; i < 1000 && j < i / 4 * 4 + 4; j++)
      if (j != i) graph.to.push_back(j);
    graph.first.push_back(graph.to.size());
  }
  const auto plan = plan_neighbours(xyz, graph);
  CHECK(plan.levels[1] <= 64);
  const auto apart = round_trip(plan, field<float>(xyz, 0), 1e-3, {});
  CHECK(apart.size() < 1.2 * round_trip(plan_neighbours(xyz), field<float>(xyz, 0), 1e-3, {}).size());
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
