// The model of the step before, as the coder of differences and the quantiser see it: what each whole number
// of a Gaussian is expected to be when the Gaussian has not changed.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "quantize/quantised_model.hpp"

namespace gaussitu {

class ModelReference {
 public:
  /// `base`: the model of the step before; `header`, `steps`, `lattice`: of the model that refers to it.
  ModelReference(const QuantisedModel& base, const Model& header, const QuantSteps& steps,
                 const Lattice& lattice);

  size_t count() const { return base_.count(); }
  /// Parameter k of Gaussian j, nearest whole number of the new steps (halves upwards).
  int32_t parameter(int k, size_t j) const;
  /// Part of the whole axis, counted from its begin, of a centre when cells are cut into `parts`.
  int64_t part(int axis, size_t j, uint32_t parts) const;
  const Lattice& lattice() const { return lattice_; }

 private:
  const QuantisedModel& base_;
  const QuantSteps steps_;
  const Lattice lattice_;
  const double value_scale_, value_shift_;  // old scaled values to new ones
  std::array<std::vector<float>, 3> mu_;    // [3][count]
};

/// CRC-32 (zlib's) of a model's centres, shapes and values, f32 little-endian in payload order, [n, 10]:
/// which model it is, whatever bytes it was stored as.
uint32_t fingerprint(const QuantisedModel& q);

}  // namespace gaussitu
