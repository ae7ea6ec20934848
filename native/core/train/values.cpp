#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "train/pass.hpp"
#include "train/train.hpp"

namespace gaussitu {

// Conjugate gradients on the normal equations (CGLS) with a diagonal preconditioner: the residual e is linear
// in v, e = Phi v - y, Phi = w / D, and Phi and its transpose are passes over the samples.
void solve_values(Model& model, const SampleSet& samples, int iterations, const Control& control) {
  const size_t count = model.count(), padded = samples.x.size();
  if (count == 0 || samples.finite == 0 || !(samples.value_range > 0)) return;
  Pass pass(samples);
  pass.forward(model);
  const auto& r = pass.inverse_density();
  Array<float> e = pass.residual();
  std::vector<float> h(padded), image(padded), direction(count, 0.0f);
  std::vector<double> gradient(count), diagonal(count);
  double rho = 0;
  for (int it = 0; it < iterations; it++) {
    if (control.cancel && control.cancel->load(std::memory_order_relaxed))
      throw Error(Code::cancelled, "Solving for values was cancelled");
    for (size_t k = 0; k < padded; k++) h[k] = e[k] * r[k];
    parallel_for(count, [&](size_t i) {
      const auto [g, d] = pass.project(i, h);
      gradient[i] = g;
      diagonal[i] = d;
    });
    double next = 0;
    for (size_t i = 0; i < count; i++)
      if (diagonal[i] > 0) next += gradient[i] * gradient[i] / diagonal[i];
    if (!(next > 0)) return;
    for (size_t i = 0; i < count; i++) {
      const double steepest = diagonal[i] > 0 ? -gradient[i] / diagonal[i] : 0;
      direction[i] = static_cast<float>(steepest + (it > 0 ? next / rho * direction[i] : 0));
    }
    rho = next;
    pass.apply_values(direction, image);
    double curvature = 0, slope = 0;
    for (size_t k = 0; k < padded; k++) {
      const double w = std::max(0.0f, samples.weight[k]) * double{image[k]};
      curvature += w * w;
    }
    for (size_t i = 0; i < count; i++) slope += gradient[i] * direction[i];
    if (!(curvature > 0)) return;
    const double step = -slope / curvature;
    for (size_t i = 0; i < count; i++) model.v[i] = static_cast<float>(model.v[i] + step * direction[i]);
    for (size_t k = 0; k < padded; k++)
      e[k] = static_cast<float>(e[k] + std::max(0.0f, samples.weight[k]) * step * image[k]);
  }
}

}  // namespace gaussitu
