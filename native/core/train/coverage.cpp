#include <algorithm>
#include <limits>
#include <vector>

#include "model/evaluate.hpp"
#include "train/train.hpp"

namespace gaussitu {

void fit_coverage(Model& model, const SampleSet& samples) {
  std::vector<float> f(samples.x.size()), cover(samples.x.size());
  evaluate(model, samples, f.data(), cover.data());
  float least = std::numeric_limits<float>::infinity();
  for (size_t k = 0; k < cover.size(); k++)
    if (samples.weight[k] > 0 && samples.source[k] != kNoSource) least = std::min(least, cover[k]);
  model.coverage = samples.measured > 0 ? least : 0.0f;
}

}  // namespace gaussitu
