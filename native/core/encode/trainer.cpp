#include "encode/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "encode/measure.hpp"
#include "train/schedule.hpp"

namespace gaussitu {

namespace {
// With fewer a Gaussian's ten parameters have too little to hold on to, and more bytes made models worse: at
// 20:1 a field of 60,000 cells had 45 dB with 2.8, 53 dB with 4 (docs/model.md).
constexpr size_t kSamplesPerGaussian = 4;
// Changes are trained longer: their estimate wants a settled model, and coding them takes longer still.
constexpr int kColdIterations = 60, kWarmIterations = 24, kChangeIterations = 36;
// Most iterations see eighths of a grid (train/schedule.hpp), which leaves time for more of them.
constexpr int kColdIterationsOnEighths = 80, kWarmIterationsOnEighths = 36, kChangeIterationsOnEighths = 60;
// A small model is trained in a fraction of a second, and has time to be thinned out (docs/model.md): a brief
// training, then as many rounds as the work allows, or the usual course where they would be too few. The work
// of an iteration is counted in samples: a Gaussian is worth two hundred, a scattered sample four.
constexpr int kBeforeThinning = 30, kThinningIterations = 50, kFewestRounds = 2, kMostRounds = 12;
constexpr double kMostWork = 9e7, kSamplesOfGaussian = 200, kScatteredWork = 4;
constexpr double kTrainingShare = 0.65;  // of the seconds of a step; quantising takes the rest
}  // namespace

Trainer::Trainer(Session& session, const EncodeSettings& settings, const Control& control)
    : session_(session), settings_(settings), control_(control) {
  if (settings.previous.empty()) return;
  const SampleSet& samples = this->samples();
  QuantisedModel integers = parse_payload(settings.previous);
  Model previous = from_integers(integers);
  // Another mesh has other model coordinates: its Gaussians say nothing here.
  const bool same_place = previous.domain.origin == samples.domain.origin &&
                          previous.domain.scale == samples.domain.scale &&
                          previous.domain.extent == samples.domain.extent;
  if (previous.count() == 0 || !same_place) return;
  warm_ = true;
  previous_count_ = previous.count();
  model_ = std::move(previous);
  rescale(model_, samples);
  on_eighths_ = settings.optimiser == Optimiser::levenberg_marquardt &&
                eighths_suffice(samples, model_.count()) && few_are_small(model_);
  if (!settings.may_refer) return;
  model_.origin.resize(model_.count());
  std::iota(model_.origin.begin(), model_.origin.end(), 0u);
  base_ = std::move(integers);
}

void Trainer::place(size_t count) {
  if (model_.count() > 0) return;
  model_ = initialise(samples(), count);
  on_eighths_ = settings_.optimiser == Optimiser::levenberg_marquardt && eighths_suffice(samples(), count) &&
                spread_evenly(model_);
}

int Trainer::planned() const {
  if (settings_.iterations > 0) return settings_.iterations;
  if (thinning_) return kBeforeThinning;
  if (base_) return on_eighths_ ? kChangeIterationsOnEighths : kChangeIterations;
  if (warm_) return on_eighths_ ? kWarmIterationsOnEighths : kWarmIterations;
  return on_eighths_ ? kColdIterationsOnEighths : kColdIterations;
}

int Trainer::rounds_of_thinning(size_t count) const {
  if (settings_.iterations > 0 || settings_.optimiser != Optimiser::levenberg_marquardt || warm_) return 0;
  const double work =
      (static_cast<double>(samples().finite) + kSamplesOfGaussian * static_cast<double>(count)) *
      (samples().columns ? 1 : kScatteredWork);
  // The brief training is half as long again where the balance of Gaussians and steps is off: it mostly is.
  const auto rounds = static_cast<int>((kMostWork / work - 1.5 * kBeforeThinning) / kThinningIterations);
  return rounds < kFewestRounds ? 0 : std::min(rounds, kMostRounds);
}

int Trainer::thinning_iterations() {
  return kThinningIterations;
}

size_t Trainer::most() const {
  return std::clamp<size_t>(samples().finite / kSamplesPerGaussian, 1, kMaxGaussians);
}

double Trainer::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

double Trainer::seconds_to_train() const {
  return kTrainingShare * settings_.seconds;
}

bool Trainer::out_of_time() const {
  return settings_.seconds > 0 && elapsed() >= seconds_to_train();
}

Pace::Time Trainer::deadline() const {
  if (settings_.seconds == 0) return Pace::Time::max();
  const std::chrono::duration<double> seconds(std::min(settings_.seconds, 1e6));
  return start_ + std::chrono::duration_cast<Pace::Time::duration>(seconds);
}

double Trainer::psnr_now() const {
  return -10 * std::log10(std::max(mean_squared_error(model_, session_), 1e-20));
}

double Trainer::spread() const {
  const SampleSet& s = samples();
  double sum = 0;
  for (size_t k = 0; k < s.value.size(); ++k)
    if (s.weight[k] > 0 && s.source[k] != kNoSource) {
      const double off = double{s.value[k]} - s.mean;
      sum += off * off;
    }
  return -10 * std::log10(std::max(sum / static_cast<double>(std::max<size_t>(s.measured, 1)), 1e-20));
}

void Trainer::train_with(size_t count, int iterations, double full) {
  count = std::clamp<size_t>(count, 1, most());
  place(count);
  if (model_.count() != count) resize_model(model_, samples(), count, session_);
  TrainSettings t;
  t.optimiser = settings_.optimiser;
  t.iterations = iterations;
  t.full = full;
  const bool brief = !warm_ && planned() < kBrief;
  if (t.optimiser == Optimiser::levenberg_marquardt) t.step = warm_ ? kWarmStep : brief ? kBriefStep : 1;
  if (on_eighths_) t.eighths = warm_ ? OnEighths::warm : brief ? OnEighths::brief : OnEighths::cold;
  if (settings_.seconds > 0) t.seconds = std::max(1e-3, seconds_to_train() - elapsed());

  Control control{control_.cancel, {}};
  if (control_.on_progress)
    control.on_progress = [&](const Progress& p) {
      Progress whole = p;
      whole.iteration += result_.iterations;
      whole.iterations = std::max(planned(), result_.iterations + p.iterations);
      whole.seconds = elapsed();
      whole.gaussians = model_.count();
      control_.on_progress(whole);
    };
  const TrainResult r = session_.train(model_, t, control);
  result_.iterations += r.iterations;
  result_.seconds += r.seconds;
  result_.pair_evaluations += r.pair_evaluations;
  result_.psnr = r.psnr;
}

}  // namespace gaussitu
