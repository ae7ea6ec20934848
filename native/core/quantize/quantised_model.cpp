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
  if (values.empty()) return;
  std::vector<T> sorted(values.size());
  for (size_t i = 0; i < order.size(); ++i) sorted[i] = values[order[i]];
  values = std::move(sorted);
}

}  // namespace

void QuantisedModel::resize(size_t n) {
  cell.resize(n);
  for (auto& s : sub) s.resize(n);
  for (auto& p : parameter) p.resize(n);
  if (!origin.empty()) origin.resize(n, kBorn);
}

QuantSteps storable(const QuantSteps& steps) {
  return {storable_step(steps.position), storable_step(steps.scale), storable_step(steps.skew),
          storable_step(steps.value)};
}

std::array<float, 6> shape_of(const std::array<int32_t, kCodedParameters>& q, const QuantSteps& steps) {
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

int32_t round_diagonal(float a, const QuantSteps& steps) {
  const double limit = std::floor(kMaxLog2 / steps.scale);
  const int32_t k = log2_steps(std::clamp(a, 1e-12f, 1e12f), steps.scale);
  return static_cast<int32_t>(std::clamp(static_cast<double>(k), -limit, limit));
}

int32_t round_skew(double a, float decoded_diagonal, const QuantSteps& steps) {
  return steps_of(a / decoded_diagonal, steps.skew);
}

int32_t round_value(double v, const QuantSteps& steps) {
  return steps_of(v, steps.value);
}

float round_position(const Lattice& lattice, int axis, float mu, const std::array<float, 6>& decoded,
                     const QuantSteps& steps, QuantisedGaussian& out) {
  double fraction = 0;
  out.cell[axis] = lattice.locate(axis, mu, fraction);
  const uint32_t parts = divisions(lattice, axis, decoded, steps.position);
  out.sub[axis] = std::min(static_cast<uint32_t>(fraction * parts), parts - 1);
  return lattice.position(axis, out.cell[axis], out.sub[axis], parts);
}

QuantisedModel assemble(const Model& header, const QuantSteps& steps, const Lattice& lattice,
                        const std::vector<QuantisedGaussian>& gaussians) {
  QuantisedModel q;
  q.header.domain = header.domain;
  q.header.value_min = header.value_min;
  q.header.value_range = header.value_range;
  q.header.mean = header.mean;
  q.header.coverage = header.coverage;
  q.steps = steps;
  q.lattice = lattice;
  q.resize(gaussians.size());
  for (size_t i = 0; i < gaussians.size(); ++i) {
    const QuantisedGaussian& g = gaussians[i];
    q.cell[i] = lattice.encode(g.cell);
    for (int k = 0; k < 3; ++k) q.sub[k][i] = g.sub[k];
    for (int k = 0; k < kCodedParameters; ++k) q.parameter[k][i] = g.parameter[k];
  }
  q.origin = header.origin;
  sort(q);
  return q;
}

void sort(QuantisedModel& q) {
  const auto order = payload_order(q.cell, q.sub);
  permute(q.cell, order);
  for (auto& s : q.sub) permute(s, order);
  for (auto& p : q.parameter) permute(p, order);
  permute(q.origin, order);
}

QuantisedModel to_integers(const Model& model, const QuantSteps& steps) {
  return to_integers(model, steps, Lattice::of(model));
}

QuantisedModel to_integers(const Model& model, const QuantSteps& wanted, const Lattice& lattice) {
  const QuantSteps steps = storable(wanted);
  std::vector<QuantisedGaussian> gaussians(model.count());
  for (size_t i = 0; i < model.count(); ++i) {
    QuantisedGaussian& g = gaussians[i];
    auto& p = g.parameter;
    constexpr int diagonal[3] = {0, 3, 5};
    for (int k = 0; k < 3; ++k) p[kDiagonal + k] = round_diagonal(model.a[diagonal[k]][i], steps);
    const auto decoded = shape_of(p, steps);  // skews relative to the diagonal that the reader will have
    p[kSkew + 0] = round_skew(model.a[1][i], decoded[3], steps);
    p[kSkew + 1] = round_skew(model.a[2][i], decoded[5], steps);
    p[kSkew + 2] = round_skew(model.a[4][i], decoded[5], steps);
    p[kValue] = round_value(model.v[i], steps);
    const auto shape = shape_of(p, steps);
    for (int k = 0; k < 3; ++k) round_position(lattice, k, model.mu[k][i], shape, steps, g);
  }
  return assemble(model, steps, lattice, gaussians);
}

Model from_integers(const QuantisedModel& q) {
  Model model = q.header;
  model.resize(q.count());
  for (size_t i = 0; i < q.count(); ++i) {
    std::array<int32_t, kCodedParameters> p;
    for (int k = 0; k < kCodedParameters; ++k) p[k] = q.parameter[k][i];
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

QuantisedModel selected(const QuantisedModel& q, const std::vector<size_t>& which) {
  QuantisedModel out;
  out.header = q.header;
  out.steps = q.steps;
  out.lattice = q.lattice;
  out.resize(which.size());
  for (size_t i = 0; i < which.size(); ++i) {
    out.cell[i] = q.cell[which[i]];
    for (int k = 0; k < 3; ++k) out.sub[k][i] = q.sub[k][which[i]];
    for (int k = 0; k < kCodedParameters; ++k) out.parameter[k][i] = q.parameter[k][which[i]];
  }
  return out;
}

void append(QuantisedModel& q, const QuantisedModel& more) {
  const auto behind = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  behind(q.cell, more.cell);
  for (int k = 0; k < 3; ++k) behind(q.sub[k], more.sub[k]);
  for (int k = 0; k < kCodedParameters; ++k) behind(q.parameter[k], more.parameter[k]);
}

void requantise_values(QuantisedModel& q, const std::vector<float>& v) {
  for (size_t i = 0; i < q.count(); ++i) q.parameter[kValue][i] = round_value(v[i], q.steps);
}

}  // namespace gaussitu
