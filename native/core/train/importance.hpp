// Where a model needs Gaussians: importance of each sample.
#pragma once
#include <cmath>
#include <vector>

#include "sample/sample_set.hpp"

namespace gaussitu {

/// x^(5/8) by square roots alone, which are the same bits everywhere.
inline float power_5_8(float x) {
  const float half = std::sqrt(x);
  return half * std::sqrt(std::sqrt(half));
}

/// Local variation^(5/8) with a quarter of its mean spread evenly; 1 everywhere where nothing varies.
class Mixture {
 public:
  explicit Mixture(double mean) : uniform_(static_cast<float>(mean > 0 ? mean * 0.25 : 1)) {}
  float of(float variation) const { return 0.75f * variation + uniform_; }

 private:
  float uniform_;
};

/// [padded] local variation of the field to the power 5/8, mixed with 25 % uniform; 0 where the weight is 0.
/// Variation is the gradient's size on grids, the spread of values in groups of 16 neighbours elsewhere.
std::vector<float> importance(const SampleSet& samples);

}  // namespace gaussitu
