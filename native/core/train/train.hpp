// Training: from samples to a model, cold or warm, by Levenberg-Marquardt or Adam.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/model.hpp"
#include "sample/sample_set.hpp"

namespace gaussitu {

enum class Optimiser : uint8_t { levenberg_marquardt = 0, adam = 1 };

struct Progress {
  int iteration = 0, iterations = 0;  // done, planned
  double psnr = 0;                    // dB over the value range, of the model before quantisation
  double seconds = 0;
  size_t gaussians = 0;
};

/// How the caller watches and stops a run. Both may be used from other threads.
struct Control {
  const std::atomic<bool>* cancel = nullptr;         // true: throw Error(cancelled) within one iteration
  std::function<void(const Progress&)> on_progress;  // called from the training thread, at most per iteration
};

/// Part of a training at full steps, before they shrink: the usual one; all of it.
inline constexpr double kAnneal = 0.7, kFullSteps = 1;
/// Size of the full steps of a warm start, of those of a cold one: neighbours that fit overshoot together.
inline constexpr double kWarmStep = 0.7;
/// And of cold starts of less than kBrief iterations, which end before that is felt.
inline constexpr double kBriefStep = 1.1;
inline constexpr int kBrief = 40;

/// Whether iterations may see an eighth of the samples each, another one every time, and how many: those of a
/// long cold start, of a brief one, of a warm one (schedule.hpp). The CUDA back end always sees all samples.
enum class OnEighths : uint8_t { none, cold, brief, warm };

struct TrainSettings {
  Optimiser optimiser = Optimiser::levenberg_marquardt;
  int iterations = 60;  // at most
  double seconds = 0;  // 0: no limit; else no iteration starts after this time (results then depend on speed)
  double target_psnr = 0;               // 0: none; else stop when reached
  double full = kAnneal;                // part of the run at full steps; over the rest they shrink
  double step = 1;                      // size of the full steps
  OnEighths eighths = OnEighths::none;  // progress then tells the PSNR at an eighth
  size_t grow_to = 0;  // 0: keep the count; else add up to this many, where the fit is worst, in three rounds
};

struct TrainResult {
  int iterations = 0;
  double seconds = 0;
  double psnr = 0;
  double pair_evaluations = 0;  // Gaussian-sample pairs computed, forward and backward counted once each; how
                                // many zeros are among them depends on the instruction set
};

/// A cold start: about `count` Gaussians placed by importance (gradient magnitude mixed with uniform),
/// exactly `count` unless there are fewer samples. Deterministic.
Model initialise(const SampleSet& samples, size_t count);

/// A warm start: `model` moved into the value scaling and coverage of `samples`; same count.
void rescale(Model& model, const SampleSet& samples);

/// Improves all parameters in place: never worse than it came, at the same count. The result does not depend
/// on thread count or instruction set.
TrainResult train(Model& model, const SampleSet& samples, const TrainSettings& settings,
                  const Control& control);

/// Solves for the values v alone (the problem is linear in v) by conjugate gradients; used after quantising
/// shapes.
void solve_values(Model& model, const SampleSet& samples, int iterations, const Control& control);

/// Sets model.coverage so that every finite sample counts as inside.
void fit_coverage(Model& model, const SampleSet& samples);
/// The same from what evaluate() said of the coverage: the least of any finite sample.
float least_coverage(const SampleSet& samples, const std::vector<float>& cover);

}  // namespace gaussitu
