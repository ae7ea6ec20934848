// The fit of a model (resize_model.hpp) by a pass on the CPU.
#pragma once
#include "train/pass.hpp"
#include "train/resize_model.hpp"

namespace gaussitu {

class PassFit final : public Fit {
 public:
  explicit PassFit(const SampleSet& samples) : pass_(samples) {}
  std::vector<float> costs(const Model& model) override;
  std::vector<float> residuals(const Model& model) override;
  /// Squared error, and the moments of every `stride`-th Gaussian from `first` on.
  double linearise(const Model& model, size_t first, size_t stride, std::vector<Moments>& out);

 private:
  Pass pass_;
};

}  // namespace gaussitu
