// One training iteration's passes over a sample set: forward over tiles, backward over Gaussians. No two
// threads write the same number, so the result does not depend on how the work is shared out.
#pragma once
#include <vector>

#include "base/array.hpp"
#include "model/model.hpp"
#include "model/reach.hpp"
#include "sample/sample_set.hpp"
#include "train/moments.hpp"

namespace gaussitu {

class Pass {
 public:
  explicit Pass(const SampleSet& samples);

  /// Finds what the model reaches, evaluates it and keeps the residuals; returns the sum of squared errors.
  double forward(const Model& model);
  /// Sums of Gaussian i at the model of the last forward(); thread-safe. `curvature` false: forces only.
  Moments backward(size_t i, bool curvature) const;

  /// f [padded] of the same Gaussians with other values and no background: the linear map v -> f.
  void apply_values(const std::vector<float>& values, std::vector<float>& f);
  /// Its transpose, {sum phi h, sum phi^2} of Gaussian i; h [padded] already divided by D.
  std::pair<float, float> project(size_t i, const std::vector<float>& h) const;

  const Array<float>& residual() const { return e_; }         // [padded] f - value, 0 where weight is 0
  const Array<float>& inverse_density() const { return r_; }  // [padded] weight / D
  const Reach& reach() const { return *reach_; }
  double squared() const { return total_squared_; }  // what the last forward() returned
  uint64_t pairs() const;  // Gaussian-sample pairs that the last forward() computed; backward() has as many
  const SampleSet& samples() const { return samples_; }

 private:
  const SampleSet& samples_;
  ReachKeeper keeper_;
  const Reach* reach_ = nullptr;  // the keeper's
  std::vector<TileView> views_;
  std::vector<Gaussian> gaussians_;    // those of the last forward()
  std::vector<Gaussian> with_values_;  // and of apply_values()
  Array<float> e_, r_, fr_;
  double total_squared_ = 0;
  std::vector<double> squared_;  // [tiles]
  std::vector<uint64_t> pairs_;  // [tiles]
};

}  // namespace gaussitu
