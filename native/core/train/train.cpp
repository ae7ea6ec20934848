#include "train/train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.hpp"
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

}  // namespace

TrainResult train(Model& model, const SampleSet& samples, const TrainSettings& settings,
                  const Control& control) {
  const Clock clock;
  TrainResult result;
  result.psnr = std::numeric_limits<double>::infinity();
  if (model.count() == 0 || samples.finite == 0 || !(samples.value_range > 0)) return result;

  Pass pass(samples);
  const size_t first_count = model.count();
  Stepper stepper(settings.optimiser, samples, settings.iterations);
  // Full steps may pass by a good model, above all in short warm starts: what is returned is the best seen.
  Model best;
  double best_psnr = 0;
  for (;; result.iterations++) {
    if (control.cancel && control.cancel->load(std::memory_order_relaxed))
      throw Error(Code::cancelled, "Training was cancelled after " + std::to_string(result.iterations) +
                                       " of " + std::to_string(settings.iterations) + " iterations");
    result.psnr = psnr_of(pass.forward(model), samples.measured);
    result.pair_evaluations += static_cast<double>(pass.pairs());
    result.seconds = clock.seconds();
    if (control.on_progress)
      control.on_progress(
          {result.iterations, settings.iterations, result.psnr, result.seconds, model.count()});
    if (best.count() != model.count() || result.psnr > best_psnr) {
      best = model;
      best_psnr = result.psnr;
    }
    if (result.iterations >= settings.iterations) break;
    if (settings.seconds > 0 && result.seconds >= settings.seconds) break;
    if (settings.target_psnr > 0 && result.psnr >= settings.target_psnr) break;

    if (const size_t count = grown(result.iterations, settings, first_count); count > model.count())
      resize_model(model, samples, count), pass.forward(model);
    double progress = static_cast<double>(result.iterations) / settings.iterations;
    if (settings.seconds > 0) progress = std::max(progress, result.seconds / settings.seconds);
    stepper.step(model, pass, annealed(progress, settings.full));
    result.pair_evaluations += static_cast<double>(pass.pairs());
  }
  model = std::move(best);
  result.psnr = best_psnr;
  return result;
}

}  // namespace gaussitu
