// Small synthetic fields and real data for the native tests.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "sample/sample_set.hpp"

namespace fields {

/// A seeded generator whose sequence is the same with every standard library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435769u + 1) {}
  double unit() {  // [0, 1)
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<double>(state_ >> 11) / 9007199254740992.0;
  }
  double in(double lo, double hi) { return lo + (hi - lo) * unit(); }

 private:
  uint64_t state_;
};

inline double wave(double x, double y, double z) {
  return std::sin(0.5 * x + 0.2 * y) + 0.5 * std::cos(0.4 * y - 0.3 * z) +
         0.3 * std::sin(0.35 * z + 0.01 * x * y);
}

inline gaussitu::ArrayView view(const std::vector<float>& v) {
  return {v.data(), gaussitu::Dtype::f32, v.size(), 1};
}
inline gaussitu::ArrayView view(const std::vector<double>& v) {
  return {v.data(), gaussitu::Dtype::f64, v.size(), 1};
}
/// Cells of VTK `types` over `points` [n, 3]; the arrays must outlive the view.
template <class Real>
gaussitu::MeshView cells(const std::vector<Real>& points, const std::vector<int32_t>& connectivity,
                         const std::vector<int32_t>& offsets, const std::vector<uint8_t>& types) {
  gaussitu::MeshView m;
  m.kind = gaussitu::MeshKind::unstructured;
  m.points = view(points);
  m.connectivity = connectivity.data();
  m.offsets = offsets.data();
  m.types = types.data();
  m.cells = types.size();
  m.connectivity_count = connectivity.size();
  return m;
}

inline gaussitu::MeshView grid(uint32_t nx, uint32_t ny, uint32_t nz) {
  gaussitu::MeshView m;
  m.dims = {nx, ny, nz};
  return m;
}

/// The wave on a uniform grid of nodes, x fastest.
inline std::vector<float> wave_on_grid(uint32_t nx, uint32_t ny, uint32_t nz) {
  std::vector<float> v;
  for (uint32_t k = 0; k < nz; k++)
    for (uint32_t j = 0; j < ny; j++)
      for (uint32_t i = 0; i < nx; i++) v.push_back(static_cast<float>(wave(i, j, k)));
  return v;
}

/// Points scattered over a box, interleaved.
inline std::vector<float> scatter(size_t n, double lx, double ly, double lz, uint64_t seed = 1) {
  Random random(seed);
  std::vector<float> p;
  for (size_t i = 0; i < n; i++)
    for (const double l : {lx, ly, lz}) p.push_back(static_cast<float>(random.in(0, l)));
  return p;
}

inline std::vector<float> wave_on_points(const std::vector<float>& p) {
  std::vector<float> v;
  for (size_t i = 0; i < p.size(); i += 3) v.push_back(static_cast<float>(wave(p[i], p[i + 1], p[i + 2])));
  return v;
}

/// Gaussians of all sizes and directions in the box, values about [0, 1].
inline gaussitu::Model random_model(size_t count, const gaussitu::Domain& domain, double sigma,
                                    uint64_t seed = 1) {
  Random random(seed);
  gaussitu::Model m;
  m.domain = domain;
  m.value_range = 1;
  m.resize(count);
  for (size_t i = 0; i < count; i++) {
    for (int k = 0; k < 3; k++) m.mu[k][i] = static_cast<float>(random.in(0, domain.extent[k]));
    for (const int k : {0, 3, 5}) m.a[k][i] = static_cast<float>(std::exp2(random.in(-1, 1)) / sigma);
    for (const int k : {1, 2, 4}) m.a[k][i] = static_cast<float>(random.in(-1, 1) / sigma);
    m.v[i] = static_cast<float>(random.in(-0.2, 1.2));
  }
  return m;
}

/// The folder of real data, or empty, having said so: the test run then shows a skipped test.
inline std::string data_folder() {
  const char* folder = std::getenv("GAUSSITU_DATA");
  if (folder != nullptr && *folder != 0) return std::string(folder) + "/";
  std::printf("SKIPPED: no GAUSSITU_DATA\n");
  return "";
}

inline std::vector<float> read_f32(const std::string& path) {
  std::vector<float> v;
  if (std::FILE* f = std::fopen(path.c_str(), "rb")) {
    std::fseek(f, 0, SEEK_END);
    v.resize(static_cast<size_t>(std::ftell(f)) / 4);
    std::rewind(f);
    if (std::fread(v.data(), 4, v.size(), f) != v.size()) v.clear();
    std::fclose(f);
  }
  return v;
}

}  // namespace fields
