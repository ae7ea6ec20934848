// Models for tests of coding: no training, every shape and size.
#pragma once
#include "fields.hpp"
#include "model/model.hpp"
#include "quantize/exact_math.hpp"
#include "quantize/quantised_model.hpp"

namespace gaussitu::test {

inline Model synthetic(size_t n, uint64_t seed, std::array<double, 3> extent = {63, 31, 15}) {
  // Exact operations only: the golden bytes of payload_test rest on these models.
  fields::Random random(seed);
  const auto uniform = [&] { return static_cast<float>(random.unit()); };
  const auto normal = [&] { return 2 * (uniform() + uniform() + uniform() - 1.5f); };
  Model m;
  m.domain.origin = {-1.5, 0, 1e6};
  m.domain.scale = {1, 1, 1};
  m.domain.extent = extent;
  m.value_min = -0.1f;
  m.value_range = static_cast<double>(2.7f) - m.value_min;
  m.mean = 0.4f;
  m.coverage = 0.01f;
  m.resize(n);
  for (size_t i = 0; i < n; ++i) {
    for (int k = 0; k < 3; ++k) m.mu[k][i] = static_cast<float>(extent[k]) * uniform();
    for (const int k : {0, 3, 5}) m.a[k][i] = static_cast<float>(exp2_exact(0.7 * normal() - 1.5));
    m.a[1][i] = 0.5f * normal() * m.a[3][i];
    m.a[2][i] = 0.5f * normal() * m.a[5][i];
    m.a[4][i] = 0.5f * normal() * m.a[5][i];
    m.v[i] = 0.5f + 0.2f * normal();
  }
  return m;
}

inline constexpr QuantSteps kSteps{0.1f, 0.1f, 0.12f, 0.01f};

inline bool same(const Model& a, const Model& b) {
  bool same = a.v == b.v && a.mean == b.mean && a.coverage == b.coverage && a.value_min == b.value_min &&
              a.value_range == b.value_range && a.domain.origin == b.domain.origin &&
              a.domain.scale == b.domain.scale && a.domain.extent == b.domain.extent;
  for (int k = 0; k < 3; ++k) same = same && a.mu[k] == b.mu[k];
  for (int k = 0; k < 6; ++k) same = same && a.a[k] == b.a[k];
  return same;
}

}  // namespace gaussitu::test
