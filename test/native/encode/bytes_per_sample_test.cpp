// Memory of an encode, counted: with so many bytes for each value 10^7 of them fit into 4 GB beside their
// mesh.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "encode/encode.hpp"
#include "fields.hpp"

using namespace gaussitu;

#ifndef __SANITIZE_ADDRESS__  // which has its own operator new

namespace {
std::atomic<size_t> held{0}, most{0};
}

// Out of line: else compilers see free() beside what they know as new.
[[gnu::noinline]] void* operator new(size_t bytes) {
  void* const p = std::malloc(bytes);
  if (!p) throw std::bad_alloc();
  const size_t now = held += malloc_usable_size(p);
  for (size_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
  }
  return p;
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  held -= malloc_usable_size(p);
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept {
  operator delete(p);
}

namespace {

/// Most bytes that encoding held at once, beside its input, for each value.
double bytes_per_value(const MeshView& mesh, const std::vector<float>& values, size_t per_gaussian) {
  EncodeSettings settings;
  settings.target.gaussians = values.size() / per_gaussian;
  settings.iterations = 2;
  const size_t before = held;
  most = before;
  const EncodeResult result = encode(mesh, Association::node, fields::view(values), settings, {});
  CHECK(result.gaussians == settings.target.gaussians);
  return static_cast<double>(most - before) / static_cast<double>(values.size());
}

/// A cube of side^3 nodes, and the hexahedra between them.
struct Cube {
  std::vector<float> points, values;
  std::vector<int32_t> connectivity, offsets{0};
  std::vector<uint8_t> types;

  explicit Cube(int32_t side) : values(fields::wave_on_grid(side, side, side)) {
    for (int32_t k = 0; k < side; k++)
      for (int32_t j = 0; j < side; j++)
        for (int32_t i = 0; i < side; i++) {
          for (const int32_t x : {i, j, k}) points.push_back(static_cast<float>(x));
          if (std::max({i, j, k}) + 1 == side) continue;
          for (const int32_t corner : {0, 1, 1 + side, side})
            connectivity.push_back((k * side + j) * side + i + corner);
          for (int c = 0; c < 4; c++) connectivity.push_back(connectivity.end()[-4] + side * side);
          offsets.push_back(static_cast<int32_t>(connectivity.size()));
          types.push_back(12);
        }
  }

  MeshView nodes() const {
    MeshView m;
    m.kind = MeshKind::points;
    m.points = fields::view(points);
    return m;
  }
  MeshView cells() const { return fields::cells(points, connectivity, offsets, types); }
};

}  // namespace

TEST_CASE("a value takes at most 80 bytes on a grid, 85 as a point and 160 with hexahedra around it") {
  for (const size_t per_gaussian : {1000, 100}) {
    CAPTURE(per_gaussian);
    CHECK(bytes_per_value(fields::grid(64, 64, 64), fields::wave_on_grid(64, 64, 64), per_gaussian) < 80);
    const Cube cube(48);
    CHECK(bytes_per_value(cube.nodes(), cube.values, per_gaussian) < 85);
    CHECK(bytes_per_value(cube.cells(), cube.values, per_gaussian) < 160);
  }
}

TEST_CASE("twice the values take twice the memory") {
  const double once = bytes_per_value(fields::grid(64, 64, 32), fields::wave_on_grid(64, 64, 32), 250);
  const double twice = bytes_per_value(fields::grid(64, 64, 64), fields::wave_on_grid(64, 64, 64), 250);
  CHECK(twice < 1.1 * once);
}

#endif
