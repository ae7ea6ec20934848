// What it costs to change a Gaussian: bits of a difference to the step before, learned from the differences
// of the sweep before. The quantiser weighs them against the squared error that staying nearer would cause.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "quantize/quantised_model.hpp"
#include "stream/delta_coder.hpp"
#include "stream/reference.hpp"

namespace gaussitu {

class ChangeCost {
 public:
  ChangeCost();
  /// Learns from a whole model: differences [gaussians][kDifferences].
  void learn(const std::vector<std::array<int32_t, kDifferences>>& differences);
  /// Bits of difference `d` of number `k`, roughly.
  double bits(int k, int64_t d) const;

 private:
  static constexpr int kShown = 16;  // beyond: two bits more for each doubling
  std::array<std::array<double, kShown>, kDifferences> bits_;
};

}  // namespace gaussitu
