#include "train/train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.hpp"
#include "sample/eighths.hpp"
#include "train/optimiser.hpp"
#include "train/pass.hpp"
#include "train/resize_model.hpp"
#include "train/schedule.hpp"

namespace gaussitu {
namespace {

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// An eighth of the samples, another one each time: in which order, corners far apart following each other.
constexpr unsigned kCorners[8] = {0, 7, 1, 6, 2, 5, 3, 4};

class PartialPass {
 public:
  explicit PartialPass(const SampleSet& grid) : eighths_(grid), pass_(eighths_.samples()) {}
  Pass& turn(int iteration) {
    eighths_.select(kCorners[iteration % 8]);
    return pass_;
  }

 private:
  Eighths eighths_;
  Pass pass_;
};

}  // namespace

TrainResult train(Model& model, const SampleSet& samples, const TrainSettings& settings,
                  const Control& control) {
  const Clock clock;
  TrainResult result;
  result.psnr = std::numeric_limits<double>::infinity();
  if (model.count() == 0 || samples.finite == 0 || !(samples.value_range > 0)) return result;

  const int partial = iterations_on_eighths(settings, samples, std::max(model.count(), settings.grow_to));
  std::optional<PartialPass> part;
  if (partial > 0) part.emplace(samples);
  std::optional<Pass> whole;
  const size_t first_count = model.count();
  Stepper stepper(settings.optimiser, settings.iterations);
  // Full steps may pass by a good model, above all in short warm starts: what is returned is the best seen.
  Model now = model, best;
  double best_psnr = 0, first_psnr = 0;
  if (part) Eighths::to_eighths(now);
  for (;;) {
    if (control.cancel && control.cancel->load(std::memory_order_relaxed))
      throw Error(Code::cancelled, "Training was cancelled after " + std::to_string(result.iterations) +
                                       " of " + std::to_string(settings.iterations) + " iterations");
    if (!part && !whole) whole.emplace(samples);
    Pass& pass = part ? part->turn(result.iterations) : *whole;
    result.psnr = psnr_of(pass.forward(now), pass.samples().measured);
    result.pair_evaluations += static_cast<double>(pass.pairs());
    result.seconds = clock.seconds();
    if (result.iterations == 0 && part) first_psnr = result.psnr;
    const bool reached = settings.target_psnr > 0 && result.psnr >= settings.target_psnr;
    const bool over = result.iterations >= settings.iterations ||
                      (settings.seconds > 0 && result.seconds >= settings.seconds);
    if (part && (reached || over || result.iterations >= partial)) {
      part.reset();  // and look again, at all of them
      Eighths::to_grid(now);
      continue;
    }
    if (control.on_progress)
      control.on_progress({result.iterations, settings.iterations, result.psnr, result.seconds, now.count()});
    if (!part && (best.count() != now.count() || result.psnr > best_psnr)) {
      best = now;
      best_psnr = result.psnr;
    }
    if (over || reached) break;

    if (const size_t count = grown(result.iterations, settings, first_count); count > now.count()) {
      if (part) Eighths::to_grid(now);
      resize_model(now, samples, count);
      if (part) Eighths::to_eighths(now);
      pass.forward(now);
    }
    double progress = static_cast<double>(result.iterations) / settings.iterations;
    if (settings.seconds > 0) progress = std::max(progress, result.seconds / settings.seconds);
    stepper.step(now, pass, annealed(progress, settings));
    result.pair_evaluations += static_cast<double>(pass.pairs());
    result.iterations++;
  }
  // The beginning was only seen at an eighth, which it had not learned: near enough to tell when to look.
  constexpr double kNear = 0.5;
  if (partial > 0 && best_psnr < first_psnr + kNear) {
    const double before = psnr_of(whole->forward(model), samples.measured);
    if (before > best_psnr) best = model, best_psnr = before;
  }
  model = std::move(best);
  result.psnr = best_psnr;
  return result;
}

}  // namespace gaussitu
