// Samples and models that the kernels are compared on.
#pragma once
#include <cmath>

#include "fields.hpp"
#include "sample/sample_set.hpp"

namespace cases {

inline gaussitu::SampleSet grid(uint32_t nx, uint32_t ny, uint32_t nz) {
  const auto values = fields::wave_on_grid(nx, ny, nz);
  return gaussitu::make_samples(fields::grid(nx, ny, nz), gaussitu::Association::node, fields::view(values));
}

inline gaussitu::SampleSet scattered(size_t n, double lx = 12, double ly = 10, double lz = 8) {
  const auto points = fields::scatter(n, lx, ly, lz);
  const auto values = fields::wave_on_points(points);
  gaussitu::MeshView mesh;
  mesh.kind = gaussitu::MeshKind::points;
  mesh.points = fields::view(points);
  return gaussitu::make_samples(mesh, gaussitu::Association::node, fields::view(values));
}

/// Samples with missing values, between nodes and outside the domain: weights 1, 1/2, 0 and below.
inline gaussitu::SampleSet mixed(gaussitu::SampleSet s) {
  fields::Random random(9);
  s.measured = 0;
  for (size_t k = 0; k < s.weight.size(); k++) {
    const double kind = random.unit();
    if (s.weight[k] == 1 && kind < 0.3)
      s.weight[k] = kind < 0.1 ? 0.0f : kind < 0.2 ? gaussitu::kBetween : gaussitu::kOutside;
    s.measured += s.weight[k] == 1;
  }
  for (auto& tile : s.tiles) tile.whole = false;
  return s;
}

/// With the address sanitizer everything takes ten times as long: less of it then.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kThorough = false;
#else
inline constexpr bool kThorough = true;
#endif

/// Every kind of tiling: whole and partial tiles, flat grids, few samples.
inline std::vector<gaussitu::SampleSet> all() {
  std::vector<gaussitu::SampleSet> out;
  out.push_back(grid(5, 1, 1));
  out.push_back(scattered(23));
  out.push_back(mixed(grid(20, 17, 9)));
  out.push_back(mixed(scattered(700)));
  if (!kThorough) return out;
  out.push_back(grid(37, 29, 19));
  out.push_back(grid(33, 40, 1));
  out.push_back(scattered(1700));
  return out;
}

/// Round ones, and needles and sheets at odd angles.
inline gaussitu::Model model(size_t count, const gaussitu::Domain& domain, double sigma, bool needles) {
  gaussitu::Model m = fields::random_model(count, domain, sigma);
  m.mean = 0.4375f;
  fields::Random random(5);
  if (needles)
    for (size_t i = 0; i < m.count(); i++)
      for (const int k : {1, 2, 4}) m.a[k][i] *= static_cast<float>(random.in(-30, 30));
  return m;
}

}  // namespace cases
