// Solving for the values alone: solve_values() of native/core/train on the device.
#pragma once
#include "moments.hpp"

namespace gaussitu::cuda {

/// What one iteration hands to the next, on the device.
struct SolverState {
  double rho, curvature, slope;
  uint32_t iterations, done;
};

class ValueSolver {
 public:
  explicit ValueSolver(Memory& memory)
      : image_(memory), direction_(memory), sums_(memory), partial_(memory), state_(memory) {}

  /// Makes room; before anything else is asked.
  void resize(size_t count, size_t padded);
  /// Forgets earlier iterations.
  void begin(Stream& stream);
  /// One iteration of conjugate gradients: changes the values of `model` and residual.e by the same step.
  /// Nothing waits; when there is nothing left to gain, nothing more is done.
  void iterate(const ModelView& model, const DeviceSamples& samples, const DeviceReach& reach, float* e,
               const float* r, Stream& stream);

 private:
  DeviceArray<float> image_, direction_;
  DeviceArray<float2> sums_;  // [count] gradient, diagonal
  DeviceArray<double> partial_;
  DeviceArray<SolverState> state_;
};

}  // namespace gaussitu::cuda
