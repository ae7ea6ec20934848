#include "peak.hpp"

#include "base/simd.hpp"

namespace gaussitu::GAUSSITU_ISA {

float multiply_add(uint64_t rounds) {
  // Twelve chains hide the latency of four cycles on two units, and fit the registers of AVX-512; AVX2 keeps
  // six of these pairs of registers, enough as well.
#if defined(__AVX512F__)
  constexpr int kChains = 12;
#else
  constexpr int kChains = 6;
#endif
  const f32x16 a = splat(0.999999f), b = splat(1e-7f);
  f32x16 x[kChains];
  for (int i = 0; i < kChains; i++) x[i] = splat(static_cast<float>(i));
  for (uint64_t n = 0; n < rounds * 12 / kChains; n++)
    for (int i = 0; i < kChains; i++) x[i] = fma(x[i], a, b);
  f32x16 total = x[0];
  for (int i = 1; i < kChains; i++) total = total + x[i];
  return sum(total);
}

}  // namespace gaussitu::GAUSSITU_ISA
