#include "bounded/log_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace gaussitu::GAUSSITU_ISA {

namespace {

constexpr uint64_t kMantissa = (uint64_t{1} << 52) - 1;
constexpr double kTwo52 = 4503599627370496.0;

/// 2 / (ln 2 (2k + 1)): log2(m) = t sum c_k t^2k with t = (m - 1) / (m + 1), |t| < 0.172.
constexpr double kLog[11] = {2.8853900817779268,  0.9617966939259756,  0.5770780163555853,
                             0.4121985831111324,  0.3205988979753252,  0.2623081892525388,
                             0.22195308321368667, 0.19235933878519512, 0.16972882833987804,
                             0.15186263588304877, 0.1373995277037108};
/// (ln 2)^k / k!
constexpr double kExp[14] = {1.0,
                             0.6931471805599453,
                             0.24022650695910072,
                             0.05550410866482158,
                             0.009618129107628477,
                             0.0013333558146428443,
                             0.0001540353039338161,
                             1.5252733804059841e-05,
                             1.321548679014431e-06,
                             1.01780860092397e-07,
                             7.054911620801123e-09,
                             4.4455382718708116e-10,
                             2.5678435993488206e-11,
                             1.3691488853904128e-12};

/// log2 of a normal positive number, within 1e-15 and the rounding of the result.
inline double log2_of(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  // The exponent as a number without an integer conversion, which AVX2 does not have: 2^52 + e, less 2^52.
  double e = std::bit_cast<double>((bits >> 52) | std::bit_cast<uint64_t>(kTwo52)) - kTwo52 - 1023.0;
  double m = std::bit_cast<double>((bits & kMantissa) | std::bit_cast<uint64_t>(1.0));
  const bool upper = m > 1.4142135623730951;
  m = upper ? 0.5 * m : m;
  e = upper ? e + 1.0 : e;
  const double t = (m - 1.0) / (m + 1.0);
  const double s = t * t;
  double p = kLog[10];
  for (int k = 9; k >= 0; k--) p = std::fma(p, s, kLog[k]);
  return std::fma(p, t, e);
}

/// 2^k for a whole number k of [-1022, 1023].
inline double power(double k) {
  // 1.5 * 2^52 + k holds k + 1023 in its lowest bits.
  const uint64_t bits = std::bit_cast<uint64_t>(k + 1023.0 + 1.5 * kTwo52);
  return std::bit_cast<double>(bits << 52);
}

/// 2^y, y clamped to [-1100, 1100]; may be infinite.
inline double exp2_of(double y) {
  y = std::min(std::max(y, -1100.0), 1100.0);
  const double n = std::nearbyint(y);
  const double r = y - n;
  double p = kExp[13];
  for (int k = 12; k >= 0; k--) p = std::fma(p, r, kExp[k]);
  const double half = std::nearbyint(0.5 * n);
  return p * power(half) * power(n - half);
}

template <class T, class C>
inline void logs(const T* x, double shift, C* y, size_t n) {
  constexpr double kLeast = std::numeric_limits<T>::min();
  for (size_t i = 0; i < n; i++) {
    const double a = std::fabs(static_cast<double>(x[i]));
    y[i] = static_cast<C>(log2_of(a > kLeast ? a : kLeast) - shift);
  }
}

template <class T, class C>
inline void exps(const C* y, const uint8_t* negative, double shift, T* x, size_t n) {
  constexpr double kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
  for (size_t i = 0; i < n; i++) {
    const double a = std::min(std::max(exp2_of(static_cast<double>(y[i]) + shift), kLeast), kMost);
    x[i] = static_cast<T>(negative[i] != 0 ? -a : a);
  }
}

}  // namespace

#define GAUSSITU_LOG_BODIES(T, C)                                                   \
  void log_row(const T* x, double shift, C* y, size_t n) {                          \
    logs(x, shift, y, n);                                                           \
  }                                                                                 \
  void exp_row(const C* y, const uint8_t* negative, double shift, T* x, size_t n) { \
    exps(y, negative, shift, x, n);                                                 \
  }
GAUSSITU_LOG_BODIES(float, float)
GAUSSITU_LOG_BODIES(float, double)
GAUSSITU_LOG_BODIES(double, double)

}  // namespace gaussitu::GAUSSITU_ISA
