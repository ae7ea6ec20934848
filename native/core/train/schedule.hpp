// The course of a training, which every back end follows.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "train/train.hpp"

namespace gaussitu {

/// dB over the scaled range, from the sum of squared errors of so many samples.
inline double psnr_of(double squared, size_t measured) {
  return squared > 0 ? -10 * std::log10(squared / static_cast<double>(measured))
                     : std::numeric_limits<double>::infinity();
}

/// Rate of the steps at a progress from 0 to 1: full steps over the first part of it, then a smooth fall to 5
/// % of them. Only exact operations: the same on any machine.
inline double annealed(double progress, const TrainSettings& settings) {
  const double full = settings.full, left = full < 1 ? std::clamp((1 - progress) / (1 - full), 0.0, 1.0) : 1;
  return settings.step * (0.05 + 0.95 * left * left);
}

/// Count of Gaussians after `iteration`: the rounds of growth are over by the time steps begin to shrink.
inline size_t grown(int iteration, const TrainSettings& settings, size_t first) {
  constexpr int kRounds = 3;
  if (settings.grow_to <= first) return first;
  int rounds = 0;
  while (rounds < kRounds && iteration * 2 * (kRounds + 1) >= settings.iterations * (rounds + 1)) rounds++;
  return first + (settings.grow_to - first) * static_cast<size_t>(rounds) / kRounds;
}

/// Whether an iteration finds the curvature anew. In the frames of moving Gaussians it hardly changes from
/// one step to the next, and forces alone take little more than half the time.
inline bool renews_curvature(int iteration) {
  constexpr int kEvery = 3;  // of the first ones, every one
  return iteration < kEvery || iteration % kEvery == 0;
}

/// Whether so many Gaussians can be trained on an eighth of the samples at a time (sample/eighths.hpp): with
/// less than a dozen samples of each eighth for a Gaussian it learns them by heart, in turn.
inline bool eighths_suffice(const SampleSet& samples, size_t count) {
  constexpr size_t kSamplesPerGaussian = 100;
  return samples.columns && samples.finite / kSamplesPerGaussian >= count;
}

/// Whether Gaussians that were just placed are spread evenly: a tenth of them at most has less than half of
/// the mean volume. Where a field is concentrated, the mean says nothing about the samples that its Gaussians
/// have.
inline bool spread_evenly(const Model& placed) {
  const size_t n = placed.count();
  if (n == 0) return false;
  std::vector<double> volume(n);
  double sum = 0;
  for (size_t i = 0; i < n; ++i)
    sum += volume[i] = 1 / (double{placed.a[0][i]} * placed.a[3][i] * placed.a[5][i]);
  const auto tenth = volume.begin() + static_cast<std::ptrdiff_t>(n / 10);
  std::nth_element(volume.begin(), tenth, volume.end());
  return *tenth >= sum / static_cast<double>(n) / 2;
}

/// Whether nearly all Gaussians of a trained model reach so many samples of an eighth that they hold on to
/// them. (Trained ones are never spread evenly.)
inline bool few_are_small(const Model& trained) {
  constexpr double kSupport = 94.8, kSamples = 400, kSmall = 0.02;  // (4 pi / 3) 8^(3/2); in all
  size_t small = 0;
  for (size_t i = 0; i < trained.count(); ++i)
    small += double{trained.a[0][i]} * trained.a[3][i] * trained.a[5][i] * kSamples > kSupport;
  return static_cast<double>(small) <= kSmall * static_cast<double>(trained.count());
}

/// Iterations, the first ones, that see an eighth of the samples each. The closer a model has come, the more
/// it suffers from what an eighth leaves open: a long training ends with 40 % of its iterations on the whole,
/// a short one with few. In a brief one they cost time and bring no decibels; a warm one, whose Gaussians
/// hardly move, needs few.
inline int iterations_on_eighths(const TrainSettings& settings, const SampleSet& samples, size_t count) {
  if (settings.eighths == OnEighths::none || settings.optimiser != Optimiser::levenberg_marquardt ||
      !eighths_suffice(samples, count))
    return 0;
  const int n = settings.iterations;
  if (settings.eighths == OnEighths::warm) return n - n / 8;
  if (settings.eighths == OnEighths::brief) return n;
  return n - (n < kBrief ? n * n / 100 : n / 5 * 2);
}

}  // namespace gaussitu
