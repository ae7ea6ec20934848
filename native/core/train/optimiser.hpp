// How a Gaussian moves in one iteration. Both optimisers work in its own frame (normal_equations.hpp).
#pragma once
#include <cstddef>
#include <vector>

#include "model/model.hpp"
#include "train/moments.hpp"
#include "train/pass.hpp"
#include "train/train.hpp"

namespace gaussitu {

/// Bounds that keep a model sane: centres inside the samples' box, widths between a part of the spacing of
/// samples and the size of the block.
struct Limits {
  float hi[3];
  float a_min, a_max;
  explicit Limits(const SampleSet& samples);
  void apply(Model& model, size_t i) const;
};

class Stepper {
 public:
  /// `iterations`: as many as are planned; short runs get less momentum, which needs time to pay.
  Stepper(Optimiser kind, int iterations);
  /// Moves all Gaussians by one step; `rate` scales it (1, then annealed).
  void step(Model& model, const Pass& pass, double rate);

 private:
  /// Gaussians first, ..., last - 1: eight at most.
  void newton(Model& model, const Pass& pass, size_t first, size_t last, double rate);
  void adam(Model& model, const Pass& pass, size_t i, double rate);
  /// Whether the next step has to find the curvature anew; what is kept fits the samples afterwards.
  bool curvature_is_due(const Model& model, const SampleSet& samples);

  Optimiser kind_;
  double momentum_;
  double trust_ = 0;                   // mean squared error, scaled
  double phi2_ = 0;                    // mean of phi^2 per Gaussian, of the iteration before
  double bias1_ = 1, bias2_ = 1;       // Adam
  std::vector<float> first_, second_;  // [count, 10] velocity, or Adam's moments
  std::vector<Moments> moments_;       // [count] of the last iteration that renewed the curvature
  bool renew_ = true;                  // the curvature, in this iteration
  size_t finite_ = 0;                  // samples that it is of
  int iteration_ = 0;
};

}  // namespace gaussitu
