#include <algorithm>
#include <limits>
#include <vector>

#include "model/evaluate.hpp"
#include "train/train.hpp"

namespace gaussitu {

float least_coverage(const SampleSet& samples, const std::vector<float>& cover) {
  float least = std::numeric_limits<float>::infinity();
  for (size_t k = 0; k < cover.size(); k++)
    if (samples.weight[k] > 0 && samples.source[k] != kNoSource) least = std::min(least, cover[k]);
  return samples.measured > 0 ? least : 0.0f;
}

void fit_coverage(Model& model, const SampleSet& samples) {
  std::vector<float> f(samples.x.size()), cover(samples.x.size());
  evaluate(model, samples, f.data(), cover.data());
  model.coverage = least_coverage(samples, cover);
}

}  // namespace gaussitu
