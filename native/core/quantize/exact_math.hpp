// Functions whose every bit is defined, for values that a payload's reader has to reproduce: IEEE double
// additions, multiplications, divisions and square roots only, in a fixed order, no fused operations.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

namespace gaussitu {

/// 2^x for |x| <= 100, relative error below 1e-9: the Taylor polynomial of degree 10 on [0, 1), by Horner's
/// rule.
inline double exp2_exact(double x) {
  constexpr double c[11] = {1.0,
                            0.6931471805599453,
                            0.2402265069591007,
                            0.05550410866482158,
                            0.009618129107628477,
                            0.0013333558146428443,
                            0.00015403530393381608,
                            1.5252733804059841e-05,
                            1.3215486790144309e-06,
                            1.0178086009239699e-07,
                            7.0549116208011225e-09};
  const double whole = std::floor(x);
  const double part = x - whole;
  double p = c[10];
  for (int i = 9; i >= 0; --i) p = p * part + c[i];
  return std::ldexp(p, static_cast<int>(whole));
}

/// The integer k with 2^(k step) nearest to a, on a logarithmic scale; a > 0. Independent of the maths
/// library's last bit.
inline int32_t log2_steps(float a, double step) {
  auto k = static_cast<int32_t>(std::lround(std::log2(static_cast<double>(a)) / step));
  while (exp2_exact((k + 0.5) * step) <= a) ++k;
  while (exp2_exact((k - 0.5) * step) > a) --k;
  return k;
}

/// A float rounded to its upper 16 bits (bfloat16): how quantiser steps are stored.
inline float round_bf16(float x) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(x) + 0x8000u) & 0xffff0000u);
}

}  // namespace gaussitu
