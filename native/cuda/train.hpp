// Training on the device: train() of native/core/train/train.cpp. The host queues iterations and follows what
// became of them a few behind; whatever decides about the model is decided on the device.
#pragma once
#include <chrono>

#include "densify.hpp"
#include "step.hpp"
#include "workspace.hpp"

namespace gaussitu::cuda {

class DeviceTrainer {
 public:
  explicit DeviceTrainer(Workspace& workspace);
  /// Waits: work that is queued uses what goes now.
  ~DeviceTrainer() { cudaStreamSynchronize(w_.stream); }
  /// As gaussitu::train(); the result differs from the CPU's by rounding, and does not depend on anything
  /// else.
  TrainResult train(Model& model, const TrainSettings& settings, const Control& control);

 private:
  static constexpr int kSlots = 4, kBehind = 2;  // copies of the state; iterations that the host may be ahead

  void begin(const Model& model, const TrainSettings& settings);
  void look(int iteration, bool always_best);
  /// Waits for iteration `watched_`, and reports it. False when it was not done: the training has halted.
  bool watch(const TrainSettings& settings, const Control& control);
  void make_room();
  void grow(Model& model, size_t count);
  /// `renew`: the curvature, which is kept otherwise.
  void step(const TrainSettings& settings, int iteration, double rate, bool renew);
  TrainResult finish(Model& model);

  Workspace& w_;
  DeviceModel best_;
  Densifier densifier_;
  DeviceArray<float> first_, second_;  // [count, kParameters]
  DeviceArray<TrainState> state_;
  TrainState* slots_;  // pinned
  Event told_[kSlots];
  TrainState seen_{};        // the last one that was watched
  double goal_ = -1;         // squared error to stop at
  int watched_ = 0;          // the next iteration to be watched
  int grown_at_ = 0;         // the first iteration of the present count
  double looked_pairs_ = 0;  // of all forward passes
  TrainResult result_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace gaussitu::cuda
