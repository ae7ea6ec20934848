#include "quantize/quantised_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quantize/exact_math.hpp"

namespace gaussitu {

namespace {

int32_t steps_of(double x, double step) {
  return static_cast<int32_t>(
      std::llround(std::clamp(x / step, -double{kMaxParameter}, double{kMaxParameter})));
}

float storable_step(float step) {
  return round_bf16(std::clamp(step, 1.0f / (1 << 18), 4.0f));
}

/// The model's Gaussians in payload order; equal keys keep their order.
std::vector<uint32_t> payload_order(const std::vector<uint64_t>& cell,
                                    const std::array<std::vector<uint32_t>, 3>& sub) {
  std::vector<uint32_t> order(cell.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t i, uint32_t j) {
    if (cell[i] != cell[j]) return cell[i] < cell[j];
    for (int k = 2; k >= 0; --k)
      if (sub[k][i] != sub[k][j]) return sub[k][i] < sub[k][j];
    return false;
  });
  return order;
}

template <class T>
void permute(std::vector<T>& values, const std::vector<uint32_t>& order) {
  std::vector<T> sorted(values.size());
  for (size_t i = 0; i < order.size(); ++i) sorted[i] = values[order[i]];
  values = std::move(sorted);
}

}  // namespace

void QuantisedModel::resize(size_t n) {
  cell.resize(n);
  for (auto& s : sub) s.resize(n);
  for (auto& p : parameter) p.resize(n);
}

QuantSteps storable(const QuantSteps& steps) {
  return {storable_step(steps.position), storable_step(steps.scale), storable_step(steps.skew),
          storable_step(steps.value)};
}

std::array<float, 6> shape_of(const std::array<int32_t, kParameters>& q, const QuantSteps& steps) {
  float d[3];
  for (int k = 0; k < 3; ++k)
    d[k] = static_cast<float>(exp2_exact(static_cast<double>(q[kDiagonal + k]) * steps.scale));
  const auto skew = [&](int k, float diagonal) {
    return static_cast<float>(static_cast<double>(q[kSkew + k]) * steps.skew * diagonal);
  };
  return {d[0], skew(0, d[1]), skew(1, d[2]), d[1], skew(2, d[2]), d[2]};
}

uint32_t divisions(const Lattice& lattice, int axis, const std::array<float, 6>& a, float step) {
  const double a0 = a[axis], a1 = axis > 0 ? a[axis + 2] : 0, a2 = axis > 1 ? a[5] : 0;
  const double parts = std::ceil(lattice.edge(axis) * std::sqrt(a0 * a0 + a1 * a1 + a2 * a2) / step);
  const uint32_t most = lattice.max_divisions(axis);
  return parts >= most ? most : parts >= 1 ? static_cast<uint32_t>(parts) : 1;
}

QuantisedModel to_integers(const Model& model, const QuantSteps& wanted) {
  QuantisedModel q;
  q.header.domain = model.domain;
  q.header.value_min = model.value_min;
  q.header.value_range = model.value_range;
  q.header.mean = model.mean;
  q.header.coverage = model.coverage;
  q.steps = storable(wanted);
  q.lattice = Lattice::of(model);
  const size_t n = model.count();
  q.resize(n);
  for (size_t i = 0; i < n; ++i) {
    std::array<int32_t, kParameters> p{};
    constexpr int diagonal[3] = {0, 3, 5};
    for (int k = 0; k < 3; ++k) {
      const double limit = std::floor(kMaxLog2 / q.steps.scale);
      const float a = std::clamp(model.a[diagonal[k]][i], 1e-12f, 1e12f);
      p[kDiagonal + k] =
          static_cast<int32_t>(std::clamp(static_cast<double>(log2_steps(a, q.steps.scale)), -limit, limit));
    }
    const auto decoded = shape_of(p, q.steps);  // skews relative to the diagonal that the reader will have
    p[kSkew + 0] = steps_of(static_cast<double>(model.a[1][i]) / decoded[3], q.steps.skew);
    p[kSkew + 1] = steps_of(static_cast<double>(model.a[2][i]) / decoded[5], q.steps.skew);
    p[kSkew + 2] = steps_of(static_cast<double>(model.a[4][i]) / decoded[5], q.steps.skew);
    p[kValue] = steps_of(model.v[i], q.steps.value);
    for (int k = 0; k < kParameters; ++k) q.parameter[k][i] = p[k];

    const auto a = shape_of(p, q.steps);
    std::array<uint32_t, 3> cell{};
    for (int k = 0; k < 3; ++k) {
      double fraction = 0;
      cell[k] = q.lattice.locate(k, model.mu[k][i], fraction);
      const uint32_t parts = divisions(q.lattice, k, a, q.steps.position);
      q.sub[k][i] = std::min(static_cast<uint32_t>(fraction * parts), parts - 1);
    }
    q.cell[i] = q.lattice.encode(cell);
  }
  const auto order = payload_order(q.cell, q.sub);
  permute(q.cell, order);
  for (auto& s : q.sub) permute(s, order);
  for (auto& p : q.parameter) permute(p, order);
  return q;
}

Model from_integers(const QuantisedModel& q) {
  Model model = q.header;
  model.resize(q.count());
  for (size_t i = 0; i < q.count(); ++i) {
    std::array<int32_t, kParameters> p;
    for (int k = 0; k < kParameters; ++k) p[k] = q.parameter[k][i];
    const auto a = shape_of(p, q.steps);
    for (int k = 0; k < 6; ++k) model.a[k][i] = a[k];
    const auto cell = q.lattice.decode(q.cell[i]);
    for (int k = 0; k < 3; ++k)
      model.mu[k][i] =
          q.lattice.position(k, cell[k], q.sub[k][i], divisions(q.lattice, k, a, q.steps.position));
    model.v[i] = static_cast<float>(static_cast<double>(p[kValue]) * q.steps.value);
  }
  return model;
}

void requantise_values(QuantisedModel& q, const std::vector<float>& v) {
  for (size_t i = 0; i < q.count(); ++i) q.parameter[kValue][i] = steps_of(v[i], q.steps.value);
}

}  // namespace gaussitu
