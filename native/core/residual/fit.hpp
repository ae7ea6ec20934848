// The weights of a pass: least squares on a sample of its targets, features that do not pay dropped, few bits
// each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gaussitu {

/// Sums of products of the features and of the target (in the last column), in double, in a fixed order.
class NormalEquations {
 public:
  explicit NormalEquations(size_t features)
      : n_(features), sums_((features + 1) * (features + 1), 0.0), row_(features + 1) {}
  /// `features` [n] pointers to [count]; `target` [count] is what they have to explain.
  template <class T>
  void add(const T* const* features, const T* target, const uint8_t* skip, size_t count) {
    const size_t m = n_ + 1;
    for (size_t i = 0; i < count; i++) {
      if (skip && skip[i]) continue;
      for (size_t j = 0; j < n_; j++) row_[j] = static_cast<double>(features[j][i]);
      row_[n_] = static_cast<double>(target[i]);
      for (size_t a = 0; a < m; a++) {
        const double left = row_[a];
        double* out = &sums_[a * m];
        for (size_t b = a; b < m; b++) out[b] += left * row_[b];
      }
      samples_++;
    }
  }
  size_t features() const { return n_; }
  size_t samples() const { return samples_; }
  double operator()(size_t a, size_t b) const {
    return a <= b ? sums_[a * (n_ + 1) + b] : sums_[b * (n_ + 1) + a];
  }

 private:
  size_t n_, samples_ = 0;
  std::vector<double> sums_, row_;
};

/// Weight j is steps[j] * 2^-shift; 0 means the feature is not used.
struct PassWeights {
  bool learned = false;  // false: the pass's fixed default
  int shift = 0;
  std::vector<int32_t> steps;
};

inline constexpr int kMaxWeightShift = 20;
inline constexpr int32_t kMaxWeightSteps = 1 << 28;

/// `targets`: points the weights are for; `bin`: quantiser bin. A feature is dropped when it saves fewer bits
/// than it costs; `fallback`, the fixed weights, is returned when learned ones do not pay.
PassWeights fit_weights(const NormalEquations& equations, size_t targets, double bin,
                        const PassWeights& fallback);

}  // namespace gaussitu
