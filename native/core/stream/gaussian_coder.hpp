// The Gaussians of a payload, from coarse to fine. One template for both ways: with a RangeEncoder it writes
// the parameters that are there, with a RangeDecoder it fills them in.
#pragma once
#include <array>
#include <vector>

#include "entropy/integer_model.hpp"
#include "stream/cell_model.hpp"
#include "stream/detail_order.hpp"
#include "stream/header.hpp"
#include "stream/neighbours.hpp"

namespace gaussitu {

/// Expected whole number of parameter `k`: its mean, moved towards the neighbours' mean by a stored weight.
inline int32_t predict(const QuantisedModel& q, const Prediction& prediction, int k,
                       const std::array<size_t, kNeighbours>& near) {
  int64_t deviation = 0;
  for (const size_t j : near) deviation += q.parameter[k][j] - prediction.mean[k];
  // Rounded to the nearest: deviation / kNeighbours times weight / 64.
  return prediction.mean[k] + static_cast<int32_t>((deviation * prediction.weight[kind_of(k)] + 128) >> 8);
}

/// `done`, unless null: how many are coded, also when the coder throws. `q` may be every stride-th (a power
/// of two) of the Gaussians alone: they are coded before all others.
template <class Coder>
void code_gaussians(Coder& coder, QuantisedModel& q, const Prediction& prediction, size_t* done = nullptr,
                    size_t stride = 1) {
  CellModel cells;
  std::array<IntegerModel, kParameterKinds> models;  // the fewer, the less has to be learned
  const uint64_t last = (uint64_t{1} << q.lattice.total_bits()) - 1;
  const auto most_octaves = static_cast<int32_t>(kMaxLog2 / q.steps.scale);
  std::vector<std::array<uint32_t, 3>> place(q.count());
  size_t known = 0;
  from_coarse_to_fine(q.count(), [&](size_t i, size_t s) {
    q.cell[i] = cells.code(coder, q.cell[i], i > 0 ? q.cell[i - s] : 0,
                           i + s < q.count() ? q.cell[i + s] : last, s * stride);
    place[i] = q.lattice.decode(q.cell[i]);

    std::array<size_t, kNeighbours> near{};
    const bool predicted = known >= kNeighbours;
    if (predicted) near = nearest_before(place, i, s);
    std::array<int32_t, kCodedParameters> p{};
    for (int k = 0; k < kCodedParameters; ++k) {
      const int32_t expected = predicted ? predict(q, prediction, k, near) : prediction.mean[k];
      const int64_t value = int64_t{expected} + models[kind_of(k)].code(coder, q.parameter[k][i] - expected);
      const int32_t most = k < kSkew ? most_octaves : kMaxParameter;
      if (value < -most || value > most)
        throw Error(Code::corrupt_stream, "Payload is damaged: parameter out of range");
      p[k] = q.parameter[k][i] = static_cast<int32_t>(value);
    }
    const auto a = shape_of(p, q.steps);
    for (int k = 0; k < 3; ++k)
      q.sub[k][i] = coder.uniform(q.sub[k][i], divisions(q.lattice, k, a, q.steps.position));
    ++known;
    if (done != nullptr) *done = known;
  });
}

}  // namespace gaussitu
