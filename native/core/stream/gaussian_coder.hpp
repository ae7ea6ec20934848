// The Gaussians of a payload, one after the other along the Morton curve. One template for both ways: with a
// RangeEncoder it writes the parameters that are there, with a RangeDecoder it fills them in.
#pragma once
#include <array>
#include <vector>

#include "entropy/integer_model.hpp"
#include "stream/header.hpp"
#include "stream/neighbours.hpp"

namespace gaussitu {

/// Expected whole number of parameter `k`: its mean, moved towards the neighbours' mean by a stored weight.
inline int32_t predict(const QuantisedModel& q, const Prediction& prediction, int k,
                       const std::array<size_t, kNeighbours>& near) {
  int64_t deviation = 0;
  for (const size_t j : near) deviation += q.parameter[k][j] - prediction.mean[k];
  // Rounded towards minus infinity.
  return prediction.mean[k] +
         static_cast<int32_t>((deviation * prediction.weight[k]) >> 8);  // / (64 kNeighbours)
}

template <class Coder>
void code_gaussians(Coder& coder, QuantisedModel& q, const Prediction& prediction) {
  const auto damaged = [](const char* what) {
    throw Error(Code::corrupt_stream, std::string("Payload is damaged: ") + what);
  };
  MagnitudeModel gaps;
  std::array<IntegerModel, kCodedParameters> models;
  const uint64_t cells = uint64_t{1} << q.lattice.total_bits();
  const auto most_octaves = static_cast<int32_t>(kMaxLog2 / q.steps.scale);
  std::vector<std::array<uint32_t, 3>> place(q.count());
  uint64_t before = 0;
  for (size_t i = 0; i < q.count(); ++i) {
    q.cell[i] = before + gaps.code(coder, static_cast<uint32_t>(q.cell[i] - before));
    if (q.cell[i] >= cells) damaged("centre outside its box");
    before = q.cell[i];
    place[i] = q.lattice.decode(q.cell[i]);

    std::array<size_t, kNeighbours> near{};
    const bool predicted = i >= kNeighbours;
    if (predicted) near = nearest_before(place, i);
    std::array<int32_t, kCodedParameters> p{};
    for (int k = 0; k < kCodedParameters; ++k) {
      const int32_t expected = predicted ? predict(q, prediction, k, near) : prediction.mean[k];
      const int64_t value = int64_t{expected} + models[k].code(coder, q.parameter[k][i] - expected);
      const int32_t most = k < kSkew ? most_octaves : kMaxParameter;
      if (value < -most || value > most) damaged("parameter out of range");
      p[k] = q.parameter[k][i] = static_cast<int32_t>(value);
    }
    const auto a = shape_of(p, q.steps);
    for (int k = 0; k < 3; ++k)
      q.sub[k][i] = coder.uniform(q.sub[k][i], divisions(q.lattice, k, a, q.steps.position));
  }
}

}  // namespace gaussitu
