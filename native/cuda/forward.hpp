// The forward pass: sums over Gaussians at samples.
#pragma once
#include "reach.hpp"
#include "samples.hpp"

namespace gaussitu::cuda {

/// The canonical evaluation: f [padded], and the sums of weights alone when `cover` is not null. Lists must
/// be those of `model`. `start`: kBackground times the model's mean.
void evaluate(const ModelView& model, const DeviceSamples& samples, const ListsView& gaussians, float start,
              float* f, float* cover, Stream& stream);

/// f of the same Gaussians with other values [count] and no background: the linear map v -> f.
void apply_values(const ModelView& model, const DeviceSamples& samples, const ListsView& gaussians,
                  const float* values, float* f, Stream& stream);

/// What training needs of each sample (native/core/train/moments.hpp) and of each block of units.
struct Residuals {
  float *e, *r, *fr;  // [padded]
  double* squares;    // [blocks] sums of e^2 where the weight is 1
  uint32_t* pairs;    // [units] Gaussian-sample pairs computed
};
void compare(const ModelView& model, const DeviceSamples& samples, const ListsView& gaussians, float start,
             const Residuals& out, Stream& stream);

}  // namespace gaussitu::cuda
