// From a trained model to a payload: which quantiser steps, so that the bytes or the PSNR come out as asked.
#pragma once
#include <chrono>
#include <vector>

#include "device/device.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

/// A model as it will be decoded, and its bytes.
struct Finished {
  QuantisedModel integers;
  std::vector<uint8_t> payload;
  bool delta = false;   // the payload holds changes alone
  double fineness = 0;  // the step of positions; the others follow it in fixed proportion
  double mse = 0;       // of the decoded model, scaled values
};

/// How thoroughly to quantise: so many sweeps of the quantisation that compensates, as far as there is time
/// for them until the deadline. After it none, and the first payload that meets its target is taken.
struct Pace {
  using Time = std::chrono::steady_clock::time_point;
  int sweeps = 3;
  Time deadline = Time::max();
};

class Finisher {
 public:
  /// Probes how much error a step of each kind of parameter costs, and sets their proportion so that all cost
  /// the same: the optimum at high rate. Borrows all arguments but the pace. With a base the payload is a
  /// delta wherever that is shorter, and steps keep its proportion.
  Finisher(const Model& model, Session& session, const Control& control, const QuantisedModel* base,
           const Pace& pace);

  /// As fine as `bytes` allow. Within 1.5 % below them unless the model is too small for that many or few.
  Finished to_bytes(size_t bytes) const;
  /// As coarse as `psnr` (dB) allows; when the model itself is below it, the finest sensible steps.
  Finished to_psnr(double psnr) const;
  /// Steps that add the fraction `noise` of the model's own squared error.
  Finished to_noise(double noise) const;

  /// Mean squared error of the model before quantisation.
  double model_mse() const { return model_mse_; }
  /// Fineness at which quantisation adds `noise` times the model's squared error, as probed.
  double fineness_for(double noise) const;
  /// Payload bytes at a fineness, before the values are solved again (which changes them by about 0.1 %).
  size_t bytes_at(double fineness) const;
  /// The same of a payload that stands alone.
  size_t whole_bytes_at(double fineness) const;

 private:
  void probe();
  QuantSteps steps(double fineness) const;
  std::vector<uint8_t> changes(const QuantisedModel& q) const;
  QuantisedModel nearest_at(double fineness) const;
  double finest_within(double bytes) const;
  Finished changes_to_bytes(double goal) const;
  /// Quantises, then solves for the values again: they take up part of what shapes and positions lost.
  Finished finish(double fineness) const;
  int sweeps_in_time() const;
  bool late() const { return std::chrono::steady_clock::now() >= pace_.deadline; }

  const Model& model_;
  Session& session_;
  const Control& control_;
  const QuantisedModel* base_;
  const Pace pace_;
  double pass_seconds_ = 0;  // of one evaluation of the model
  double model_mse_ = 0;
  double noise_ = 0;  // mean squared error added at fineness 1, extrapolated
  QuantSteps ratio_;  // steps at fineness 1
};

struct EncodeSettings;

/// Trains and quantises a model of at most settings.target.bytes as encode() does; its payload is longer when
/// even the coarsest does not fit. Adds to `training`, and sets whether the start was `warm`. (encode.cpp)
Finished train_to_bytes(Session& session, const EncodeSettings& settings, const Control& control,
                        TrainResult& training, bool& warm);

}  // namespace gaussitu
