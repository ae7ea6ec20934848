#include "stream/reference.hpp"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace gaussitu {

ModelReference::ModelReference(const QuantisedModel& base, const Model& header, const QuantSteps& steps,
                               const Lattice& lattice)
    : base_(base),
      steps_(steps),
      lattice_(lattice),
      value_scale_(header.value_range > 0 ? base.header.value_range / header.value_range : 1),
      value_shift_(header.value_range > 0 ? (base.header.value_min - header.value_min) / header.value_range
                                          : 0) {
  const Model decoded = from_integers(base);
  for (int k = 0; k < 3; ++k) mu_[k] = decoded.mu[k];
}

int32_t ModelReference::parameter(int k, size_t j) const {
  const double p = base_.parameter[k][j];
  double expected;
  if (k < kSkew)
    expected = p * base_.steps.scale / steps_.scale;
  else if (k < kValue)
    expected = p * base_.steps.skew / steps_.skew;
  else
    expected = (p * base_.steps.value * value_scale_ + value_shift_) / steps_.value;
  // Ranges that cannot be compared (almost constant fields, damage) predict nothing.
  if (!std::isfinite(expected)) return 0;
  const double most = k < kSkew ? std::floor(kMaxLog2 / steps_.scale) : double{kMaxParameter};
  return static_cast<int32_t>(std::clamp(std::floor(expected + 0.5), -most, most));
}

int64_t ModelReference::part(int axis, size_t j, uint32_t parts) const {
  double fraction = 0;
  const uint32_t cell = lattice_.locate(axis, mu_[axis][j], fraction);
  return static_cast<int64_t>(cell) * parts + std::min(static_cast<uint32_t>(fraction * parts), parts - 1);
}

uint32_t fingerprint(const QuantisedModel& q) {
  const Model m = from_integers(q);
  std::vector<uint8_t> bytes;
  bytes.reserve(m.count() * 40);
  const auto put = [&](float x) {
    const auto bits = std::bit_cast<uint32_t>(x);
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(bits >> (8 * i)));
  };
  for (size_t i = 0; i < m.count(); ++i) {
    for (const auto& x : m.mu) put(x[i]);
    for (const auto& x : m.a) put(x[i]);
    put(m.v[i]);
  }
  return static_cast<uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

}  // namespace gaussitu
