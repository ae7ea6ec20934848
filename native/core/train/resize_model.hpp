// How many Gaussians a model has: the least useful removed, new ones where the fit is worst.
#pragma once
#include <vector>

#include "model/model.hpp"
#include "sample/sample_set.hpp"

namespace gaussitu {

/// What resizing has to know of a model on its samples.
class Fit {
 public:
  virtual ~Fit() = default;
  /// [count] the squared error that losing each Gaussian would add, to first order: the sum of
  /// (phi (v - f))^2, close to that of psi^2.
  virtual std::vector<float> costs(const Model& model) = 0;
  /// [padded] f - value, 0 where the weight is 0.
  virtual std::vector<float> residuals(const Model& model) = 0;
};

/// Adds Gaussians at the worst-fitted places, or removes those that matter least, until there are `count`.
void resize_model(Model& model, const SampleSet& samples, size_t count, Fit& fit);

/// The same, with the fit found on the CPU.
void resize_model(Model& model, const SampleSet& samples, size_t count);

}  // namespace gaussitu
