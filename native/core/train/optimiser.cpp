#include "train/optimiser.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "train/newton.hpp"
#include "train/normal_equations.hpp"
#include "train/schedule.hpp"

namespace gaussitu {
namespace {

constexpr size_t kChunk = 16;

// Levenberg-Marquardt: neighbours move at the same time without knowing of each other, so each takes only a
// part of its own best step, with momentum. Values were tuned on dns_decay (docs/model.md).
constexpr double kDamping = 0.1, kStep = 0.35;
constexpr double kShiftLimit = 0.5, kShapeLimit = 0.15, kValueLimit = 0.3;  // per step, before momentum
// Shifts and shapes are also held by kTrust times the mean squared error, per phi^2: a Gaussian whose value
// is close to its surroundings has little curvature and would otherwise run off after what its neighbours
// owe.
constexpr double kTrust = 10;
constexpr double kFloor = 1e-5, kValueFloor = 1e-4;  // of the mean phi^2: systems stay positive definite

// Adam, in the same units.
constexpr double kBeta1 = 0.9, kBeta2 = 0.99, kAdamStep = 0.03, kAdamValueStep = 0.01;

}  // namespace

Limits::Limits(const SampleSet& s) {
  double largest = 1;
  for (int k = 0; k < 3; k++) {
    hi[k] = static_cast<float>(s.domain.extent[k]);
    largest = std::max(largest, s.domain.extent[k]);
  }
  a_min = static_cast<float>(0.25 / largest);
  a_max = s.columns ? 4.0f : 1e4f;  // graded meshes have cells far smaller than the mean
}

void Limits::apply(Model& m, size_t i) const {
  for (int k = 0; k < 3; k++) m.mu[k][i] = std::clamp(m.mu[k][i], 0.0f, hi[k]);
  for (const int k : {0, 3, 5}) m.a[k][i] = std::clamp(m.a[k][i], a_min, a_max);
}

Stepper::Stepper(Optimiser kind, int iterations)
    : kind_(kind), momentum_(std::clamp(0.8 - 2.4 / std::max(iterations, 1), 0.0, 0.75)) {}

void Stepper::step(Model& model, const Pass& pass, double rate) {
  const size_t count = model.count();
  const Limits limits(pass.samples());
  first_.resize(count * kParameters, 0.0f);
  if (kind_ == Optimiser::adam)
    second_.resize(count * kParameters, 0.0f);
  else
    renew_ = curvature_is_due(model, pass.samples());
  bias1_ *= kBeta1;
  bias2_ *= kBeta2;
  trust_ = kTrust * pass.squared() / static_cast<double>(pass.samples().measured);
  parallel_for((count + kChunk - 1) / kChunk, [&](size_t c) {
    const size_t first = c * kChunk, last = std::min(count, first + kChunk);
    if (kind_ == Optimiser::adam)
      for (size_t i = first; i < last; i++) adam(model, pass, i, rate);
    else
      for (size_t i = first; i < last; i += kNewtonLanes)
        newton(model, pass, i, std::min<size_t>(last, i + kNewtonLanes), rate);
    for (size_t i = first; i < last; i++) limits.apply(model, i);
  });
  phi2_ = 0;
  for (const Moments& m : moments_) phi2_ += m.phi2;
  phi2_ /= static_cast<double>(std::max<size_t>(count, 1));
}

bool Stepper::curvature_is_due(const Model& model, const SampleSet& samples) {
  const bool renew = renews_curvature(iteration_++) || moments_.size() != model.count();
  if (!renew && finite_ != samples.finite) {
    // From an eighth to the whole: as many more terms of the same sums.
    const auto factor =
        static_cast<float>(static_cast<double>(samples.finite) / static_cast<double>(finite_));
    for (Moments& m : moments_) {
      for (float& c : m.curvature) c *= factor;
      for (float& c : m.cross) c *= factor;
      m.phi2 *= factor;
    }
  }
  finite_ = samples.finite;
  moments_.resize(model.count());
  return renew;
}

void Stepper::newton(Model& model, const Pass& pass, size_t first, size_t last, double rate) {
  NewtonBatch batch;
  batch.sheared = pass.samples().columns;
  batch.damping = kDamping;
  batch.value_floor = kValueFloor * phi2_ + 1e-30;
  // All sums before any is copied: a wide read of what was just written number by number has to wait.
  Moments sums[kNewtonLanes];
  for (size_t i = first; i < last; i++) sums[i - first] = pass.backward(i, renew_);
  for (size_t k = 0; k < kNewtonLanes; k++) {
    const size_t i = std::min(first + k, last - 1);  // the last one fills up
    const Moments& now = sums[i - first];
    Moments& m = moments_[i];
    if (renew_) m = now;
    float* to = std::copy_n(m.curvature, std::size(m.curvature), batch.moments[k]);
    to = std::copy_n(m.cross, std::size(m.cross), to);
    to = std::copy_n(now.force, std::size(now.force), to);
    to[0] = m.phi2;
    to[1] = now.e_phi;
    batch.floor[k] = trust_ * m.phi2 + kFloor * phi2_ + 1e-30;
    const Shear shear = shear_of(model, i);
    batch.b1[k] = shear.b1;
    batch.b2[k] = shear.b2;
  }
  GAUSSITU_DISPATCH(newton)(batch);
  for (size_t i = first; i < last; i++) {
    double x[kParameters], step[kParameters], scale = 1;
    for (int a = 0; a < kParameters; a++) {
      x[a] = batch.x[a][i - first];
      const double limit = a < 3 ? kShiftLimit : a < 9 ? kShapeLimit : kValueLimit;
      if (std::fabs(x[a]) > limit) scale = std::min(scale, limit / std::fabs(x[a]));
    }
    for (int a = 0; a < kParameters; a++) {
      float& velocity = first_[i * kParameters + a];
      velocity = static_cast<float>(momentum_ * velocity - kStep * rate * scale * x[a]);
      step[a] = velocity;
    }
    apply_step(model, i, step);
  }
}

void Stepper::adam(Model& model, const Pass& pass, size_t i, double rate) {
  const NormalEquations n = normal_equations(pass.backward(i, false), model, i, pass.samples().columns);
  double step[kParameters];
  for (int a = 0; a < kParameters; a++) {
    float &m1 = first_[i * kParameters + a], &m2 = second_[i * kParameters + a];
    m1 = static_cast<float>(kBeta1 * m1 + (1 - kBeta1) * n.g[a]);
    m2 = static_cast<float>(kBeta2 * m2 + (1 - kBeta2) * n.g[a] * n.g[a]);
    const double unit = (m1 / (1 - bias1_)) / (std::sqrt(m2 / (1 - bias2_)) + 1e-12);
    step[a] = -rate * (a < 9 ? kAdamStep : kAdamValueStep) * unit;
  }
  apply_step(model, i, step);
}

}  // namespace gaussitu
