// The course of one encode's training: initial model cold or warm, training in stages, the number of
// Gaussians.
#pragma once
#include <chrono>
#include <optional>
#include <span>

#include "encode/encode.hpp"
#include "encode/finish.hpp"

namespace gaussitu {

class Trainer {
 public:
  /// Borrows all arguments. With a previous payload that has Gaussians the start is warm.
  Trainer(Session& session, const EncodeSettings& settings, const Control& control);

  /// Places the Gaussians of a cold start and finds out whether eighths of the samples will do at first
  /// (train/schedule.hpp); a warm start has them already.
  void place(size_t count);
  /// Trains with `count` Gaussians from where the model is, or place()s them, the part `full` of it at full
  /// steps.
  void train_with(size_t count, int iterations, double full);
  void train_with(size_t, int, bool) = delete;  // neither of them is a part

  /// One whole training of a warm start, which `train` does.
  template <class Train>
  void follow(Train train) {
    const double before = psnr_now();
    train();
    changed_much_ = result_.psnr - before > (base_ ? kAnotherField : kChangedMuch) &&
                    (!base_ || before < spread() + kSomethingKnown);
  }

  /// After follow(): the field has changed so much since the previous step that a cold start does better.
  bool changed_much() const { return changed_much_; }
  bool warm() const { return warm_; }
  /// The model that the payload may hold changes to; null: it has to stand alone.
  const QuantisedModel* base() const { return base_ ? &*base_ : nullptr; }
  /// Gaussians of the previous payload, 0 when cold.
  size_t previous_count() const { return previous_count_; }
  size_t previous_bytes() const { return settings_.previous.size(); }
  /// Iterations for one whole training, when the model is placed: what the settings say, or the usual number.
  int planned() const;
  /// Rounds of thinning_iterations() each, after a brief training, that a cold start of so many Gaussians is
  /// worth when nobody has said how long to train; 0: none.
  int rounds_of_thinning(size_t count) const;
  /// What is planned is a brief training, before rounds of thinning.
  void plan_thinning() { thinning_ = true; }
  static int thinning_iterations();
  /// Whether most of them see eighths of the samples.
  bool on_eighths() const { return on_eighths_; }
  /// The time for training is over; the rest of the settings' seconds, until the deadline, is for quantising.
  bool out_of_time() const;
  Pace::Time deadline() const;
  double seconds_left() const { return settings_.seconds - elapsed(); }
  /// At most this many Gaussians make sense: more have nothing to hold on to.
  size_t most() const;

  const Model& model() const { return model_; }
  Session& session() const { return session_; }
  const SampleSet& samples() const { return session_.samples(); }
  const Control& control() const { return control_; }
  const TrainResult& result() const { return result_; }

 private:
  // dB that a warm start gains by training: then nothing much was left of it. With a base the Gaussians'
  // number grows as well, and a field that has moved is followed: another one is as far from the model as
  // from its mean, within so many dB.
  static constexpr double kChangedMuch = 10, kAnotherField = 15, kSomethingKnown = 6;

  double elapsed() const;
  double seconds_to_train() const;
  double psnr_now() const;
  /// PSNR of the field's mean.
  double spread() const;

  Session& session_;
  const EncodeSettings& settings_;
  const Control& control_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Model model_;
  std::optional<QuantisedModel> base_;
  bool warm_ = false, on_eighths_ = false, thinning_ = false;
  bool changed_much_ = false;
  size_t previous_count_ = 0;
  TrainResult result_;
};

}  // namespace gaussitu
