#include "residual/fit.hpp"

#include <algorithm>
#include <cmath>

#include "residual/row_kernels.hpp"

namespace gaussitu {

namespace {

constexpr double kBitsPerWeight = 10;

/// In-place inverse of a symmetric positive definite matrix by Gauss-Jordan; false when it is singular.
bool invert(std::vector<double>& a, size_t n) {
  for (size_t k = 0; k < n; k++) {
    const double pivot = a[k * n + k];
    if (!(pivot > 1e-300)) return false;
    a[k * n + k] = 1;
    for (size_t j = 0; j < n; j++) a[k * n + j] /= pivot;
    for (size_t i = 0; i < n; i++) {
      if (i == k) continue;
      const double factor = a[i * n + k];
      a[i * n + k] = 0;
      for (size_t j = 0; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return true;
}

/// Bits to code a residual of this variance with this bin, up to a constant.
double bits_per_target(double variance, double bin) {
  return 0.5 * std::log2(variance + 0.08 * bin * bin);
}

/// Residual energy of given weights.
double energy_of(const NormalEquations& equations, const PassWeights& weights) {
  const size_t all = equations.features();
  double sum = equations(all, all);
  const double unit = std::ldexp(1.0, -weights.shift);
  for (size_t a = 0; a < all; a++) {
    const double wa = unit * weights.steps[a];
    if (wa == 0) continue;
    sum -= 2 * wa * equations(a, all);
    for (size_t b = 0; b < all; b++) sum += wa * unit * weights.steps[b] * equations(a, b);
  }
  return std::max(sum, 0.0);
}

}  // namespace

NormalEquations::NormalEquations(size_t features, size_t samples, const double* sums)
    : NormalEquations(features) {
  samples_ = samples;
  for (size_t a = 0; a <= n_; a++) std::copy_n(sums + a * (n_ + 1), n_ + 1, &sums_[a * stride_]);
}

void NormalEquations::flush() {
  GAUSSITU_ROW(add_products, sums_.data(), rows_.data(), stride_, waiting_);
  waiting_ = 0;
}

void NormalEquations::merge(const NormalEquations& other) {
  for (size_t i = 0; i < sums_.size(); i++) sums_[i] += other.sums_[i];
  samples_ += other.samples_;
}

PassWeights fit_weights(const NormalEquations& equations, size_t targets, double bin,
                        const PassWeights& fallback) {
  PassWeights result;
  const size_t all = equations.features();
  result.steps.assign(all, 0);
  if (equations.samples() < 12 || !(bin > 0)) return fallback;

  std::vector<size_t> used;
  for (size_t j = 0; j < all; j++)
    if (equations(j, j) > 0) used.push_back(j);
  const double energy = equations(all, all), samples = static_cast<double>(equations.samples());

  while (!used.empty()) {
    const size_t n = used.size();
    double trace = 0;
    for (size_t j : used) trace += equations(j, j);
    std::vector<double> inverse(n * n), weights(n, 0.0);
    for (size_t a = 0; a < n; a++)
      for (size_t b = 0; b < n; b++)
        inverse[a * n + b] =
            equations(used[a], used[b]) + (a == b ? 1e-7 * equations(used[a], used[a]) + 1e-12 * trace : 0);
    if (!invert(inverse, n)) return fallback;
    for (size_t a = 0; a < n; a++)
      for (size_t b = 0; b < n; b++) weights[a] += inverse[a * n + b] * equations(used[b], all);
    double rss = energy;
    for (size_t a = 0; a < n; a++) rss -= weights[a] * equations(used[a], all);
    rss = std::max(rss, 0.0);

    // The feature whose loss costs least: dropping a raises the residual energy by w_a^2 / inverse_aa.
    // Several at once while they are clearly useless, to keep this cheap.
    const double now = bits_per_target(rss / samples, bin);
    std::vector<std::pair<double, size_t>> loss(n);
    for (size_t a = 0; a < n; a++) {
      const double without = rss + weights[a] * weights[a] / std::max(inverse[a * n + a], 1e-300);
      const double saved = (bits_per_target(without / samples, bin) - now) * static_cast<double>(targets);
      loss[a] = {saved, a};
    }
    std::sort(loss.begin(), loss.end());
    size_t drop = 0;
    while (drop < std::max<size_t>(1, n / 4) && drop < n && loss[drop].first < kBitsPerWeight) drop++;
    if (drop == 0) {
      // Weights as coarse as their error stays far below the bin.
      double spread = 0;
      for (size_t j : used) spread += equations(j, j) / samples;
      int shift = 2;
      while (shift < kMaxWeightShift && std::ldexp(spread, -2 * shift) > 0.01 * (bin * bin + rss / samples))
        shift++;
      result.shift = shift;
      for (size_t a = 0; a < n; a++) {
        const double steps = std::nearbyint(std::ldexp(weights[a], shift));
        if (!(std::fabs(steps) < kMaxWeightSteps)) return fallback;
        result.steps[used[a]] = static_cast<int32_t>(steps);
      }
      result.learned = true;
      const double saved = bits_per_target(energy_of(equations, fallback) / samples, bin) -
                           bits_per_target(rss / samples, bin);
      const double cost = kBitsPerWeight * static_cast<double>(n) + 4;
      return saved * static_cast<double>(targets) > cost ? result : fallback;
    }
    for (size_t i = 0; i < drop; i++) used[loss[i].second] = all;
    used.erase(std::remove(used.begin(), used.end(), all), used.end());
  }
  result.learned = true;  // nothing pays: the mean of the two nearest alone
  return result;
}

}  // namespace gaussitu
