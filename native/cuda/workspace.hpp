// The device memory of a session: samples, a model, its lists, and what the passes leave per sample.
#pragma once
#include "forward.hpp"
#include "moments.hpp"
#include "supplies.hpp"
#include "values.hpp"

namespace gaussitu::cuda {

struct Workspace {
  Workspace(const SampleSet& samples, Supplies& supplies, size_t memory_limit);

  void load(const Model& m);
  /// Finds the lists of the model, with as much room as they take, and evaluates f, and cover where wanted.
  void evaluate(bool with_cover);
  /// Finds the lists, and leaves residuals. Without `wait` they must fit where they are.
  void forward(bool wait);
  /// Of the last forward(): waits for it.
  double squared();
  ResidualView residual() const { return {e.data(), r.data(), fr.data()}; }

  const SampleSet& host;
  Supplies::Lease lease;  // outlives the arrays: they are given back in the order of its stream
  Stream& stream;
  Memory memory;
  DeviceSamples samples;
  DeviceModel model{memory};
  DeviceReach reach{memory};
  float start = 0;                                      // of the model that was loaded
  DeviceArray<float> f{memory}, cover{memory};          // [padded]
  DeviceArray<float> e{memory}, r{memory}, fr{memory};  // [padded]
  DeviceArray<double> squares{memory};
  DeviceArray<uint32_t> pairs{memory};
  DeviceArray<float> moments{memory};
  ValueSolver solver{memory};
};

}  // namespace gaussitu::cuda
