// The weights of a pass: least squares on a sample of its targets, features that do not pay dropped, few bits
// each.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gaussitu {

/// Sums of products of the features and of the target (in the last column), in double, in a fixed order.
class NormalEquations {
 public:
  explicit NormalEquations(size_t features)
      : n_(features),
        stride_((features + 8) / 8 * 8),
        sums_(stride_ * stride_, 0.0),
        rows_(kRows * stride_) {}
  /// From sums [features + 1, features + 1] that were found elsewhere, in the same order of additions.
  NormalEquations(size_t features, size_t samples, const double* sums);
  /// The next sample, to be filled in: [features + 1], the last is what the others have to explain.
  double* next() {
    if (waiting_ == kRows) flush();
    samples_++;
    return &rows_[stride_ * waiting_++];
  }
  /// To be called after the last sample.
  void flush();
  /// Adds the sums of others; both must be flushed.
  void merge(const NormalEquations& other);

  size_t features() const { return n_; }
  size_t samples() const { return samples_; }
  double operator()(size_t a, size_t b) const { return sums_[std::min(a, b) * stride_ + std::max(a, b)]; }

 private:
  static constexpr size_t kRows = 32;  // added at once
  size_t n_, stride_, samples_ = 0, waiting_ = 0;
  std::vector<double> sums_, rows_;  // [stride, stride], [kRows, stride]
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
