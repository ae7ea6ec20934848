// How Gaussians move in one iteration, on the device: native/core/train/optimiser.cpp, operation for
// operation.
#pragma once
#include "moments.hpp"
#include "train/train.hpp"

namespace gaussitu::cuda {

/// What the iterations of a training share, on the device; the host reads copies of it.
struct TrainState {
  double squared;      // summed squared error of the model that was looked at last
  double best;         // of the best model so far
  double phi2;         // mean of phi^2 per Gaussian, of the last step
  double pairs;        // Gaussian-sample pairs computed so far, forward
  uint32_t wanted;     // pairs that the lists were to have
  uint32_t iteration;  // that was looked at last
  uint32_t improved;   // it is the best so far
  uint32_t halted;     // nothing more is done: a Halt
};
enum Halt : uint32_t { running = 0, reached = 1, lists_too_long = 2 };

/// Everything a step depends on but the sums.
struct StepSettings {
  double rate, momentum;
  double bias1, bias2;  // Adam
  double measured;      // samples that count
  float hi[3], a_min, a_max;
  bool sheared;  // moments of columns
};

/// Moves all Gaussians of `model` by their moments [count, kMomentStride]. first, second [count,
/// kParameters]: velocities, or Adam's moments (`second` is Adam's alone). Does nothing in a halted training.
void step(Optimiser kind, const ModelView& model, const float* moments, float* first, float* second,
          const StepSettings& settings, TrainState* state, Stream& stream);

}  // namespace gaussitu::cuda
