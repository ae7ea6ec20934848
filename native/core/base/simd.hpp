// Sixteen floats with one meaning on every instruction set: one AVX-512 register, two AVX2 registers, or a
// plain array. Only IEEE elementwise operations and one fixed summation tree, so all of them give the same
// bits (but inverse_root). Include from *.isa.cpp only: everything lives in the namespace of the instruction
// set it is compiled for.
#pragma once
#include <cstdint>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef GAUSSITU_ISA
#error "simd.hpp is for *.isa.cpp files, which CMake compiles once per instruction set"
#endif
#define GAUSSITU_INLINE inline __attribute__((always_inline))

namespace gaussitu::GAUSSITU_ISA {

inline constexpr int kLanes = 16;

#if defined(__AVX512F__)

struct f32x16 {
  __m512 r;
};
GAUSSITU_INLINE f32x16 load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
GAUSSITU_INLINE void store(float* p, f32x16 a) {
  _mm512_storeu_ps(p, a.r);
}
GAUSSITU_INLINE f32x16 splat(float a) {
  return {_mm512_set1_ps(a)};
}
GAUSSITU_INLINE f32x16 operator+(f32x16 a, f32x16 b) {
  return {_mm512_add_ps(a.r, b.r)};
}
GAUSSITU_INLINE f32x16 operator-(f32x16 a, f32x16 b) {
  return {_mm512_sub_ps(a.r, b.r)};
}
GAUSSITU_INLINE f32x16 operator*(f32x16 a, f32x16 b) {
  return {_mm512_mul_ps(a.r, b.r)};
}
GAUSSITU_INLINE f32x16 operator/(f32x16 a, f32x16 b) {
  return {_mm512_div_ps(a.r, b.r)};
}
GAUSSITU_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm512_fmadd_ps(a.r, b.r, c.r)};
}
/// a > b ? a : b, elementwise; b where either is NaN.
GAUSSITU_INLINE f32x16 max(f32x16 a, f32x16 b) {
  return {_mm512_max_ps(a.r, b.r)};
}
GAUSSITU_INLINE f32x16 min(f32x16 a, f32x16 b) {
  return {_mm512_min_ps(a.r, b.r)};
}
GAUSSITU_INLINE f32x16 abs(f32x16 a) {
  return {_mm512_abs_ps(a.r)};
}
/// 1 / sqrt(a) to 2^-11 of it, of lanes above 0. NOT the same bits everywhere: for bounds of what is left
/// out.
GAUSSITU_INLINE f32x16 inverse_root(f32x16 a) {
  return {_mm512_rsqrt14_ps(a.r)};
}
/// Rounded towards zero.
GAUSSITU_INLINE f32x16 truncate(f32x16 a) {
  return {_mm512_roundscale_ps(a.r, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)};
}
/// Of whole numbers within the range of int32_t.
GAUSSITU_INLINE void store_whole(int32_t* p, f32x16 a) {
  _mm512_storeu_si512(p, _mm512_cvttps_epi32(a.r));
}
/// Bit i is set where a[i] < b[i].
GAUSSITU_INLINE uint32_t less(f32x16 a, f32x16 b) {
  return _mm512_cmp_ps_mask(a.r, b.r, _CMP_LT_OQ);
}
/// c > 0 ? a : b, elementwise.
GAUSSITU_INLINE f32x16 where_positive(f32x16 c, f32x16 a, f32x16 b) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(c.r, _mm512_setzero_ps(), _CMP_GT_OQ), b.r, a.r)};
}

#elif defined(__AVX2__)

struct f32x16 {
  __m256 lo, hi;
};
GAUSSITU_INLINE f32x16 load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
GAUSSITU_INLINE void store(float* p, f32x16 a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
GAUSSITU_INLINE f32x16 splat(float a) {
  return {_mm256_set1_ps(a), _mm256_set1_ps(a)};
}
GAUSSITU_INLINE f32x16 operator+(f32x16 a, f32x16 b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
GAUSSITU_INLINE f32x16 operator-(f32x16 a, f32x16 b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
GAUSSITU_INLINE f32x16 operator*(f32x16 a, f32x16 b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
GAUSSITU_INLINE f32x16 operator/(f32x16 a, f32x16 b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
GAUSSITU_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
GAUSSITU_INLINE f32x16 max(f32x16 a, f32x16 b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
GAUSSITU_INLINE f32x16 min(f32x16 a, f32x16 b) {
  return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
GAUSSITU_INLINE f32x16 abs(f32x16 a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
GAUSSITU_INLINE f32x16 inverse_root(f32x16 a) {
  return {_mm256_rsqrt_ps(a.lo), _mm256_rsqrt_ps(a.hi)};
}
GAUSSITU_INLINE f32x16 truncate(f32x16 a) {
  constexpr int kMode = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(a.lo, kMode), _mm256_round_ps(a.hi, kMode)};
}
GAUSSITU_INLINE void store_whole(int32_t* p, f32x16 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvttps_epi32(a.lo));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), _mm256_cvttps_epi32(a.hi));
}
GAUSSITU_INLINE uint32_t less(f32x16 a, f32x16 b) {
  const int lo = _mm256_movemask_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ));
  const int hi = _mm256_movemask_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ));
  return static_cast<uint32_t>(lo) | static_cast<uint32_t>(hi) << 8;
}
GAUSSITU_INLINE f32x16 where_positive(f32x16 c, f32x16 a, f32x16 b) {
  const __m256 zero = _mm256_setzero_ps();
  return {_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(c.lo, zero, _CMP_GT_OQ)),
          _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(c.hi, zero, _CMP_GT_OQ))};
}

#else

struct f32x16 {
  float r[16];
};
#define GAUSSITU_LANES for (int i = 0; i < 16; i++)
GAUSSITU_INLINE f32x16 load(const float* p) {
  f32x16 a;
  GAUSSITU_LANES a.r[i] = p[i];
  return a;
}
GAUSSITU_INLINE void store(float* p, const f32x16& a) {
  GAUSSITU_LANES p[i] = a.r[i];
}
GAUSSITU_INLINE f32x16 splat(float s) {
  f32x16 a;
  GAUSSITU_LANES a.r[i] = s;
  return a;
}
GAUSSITU_INLINE f32x16 operator+(f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] += b.r[i];
  return a;
}
GAUSSITU_INLINE f32x16 operator-(f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] -= b.r[i];
  return a;
}
GAUSSITU_INLINE f32x16 operator*(f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] *= b.r[i];
  return a;
}
GAUSSITU_INLINE f32x16 operator/(f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] /= b.r[i];
  return a;
}
GAUSSITU_INLINE f32x16 fma(f32x16 a, const f32x16& b, const f32x16& c) {
  GAUSSITU_LANES a.r[i] = __builtin_fmaf(a.r[i], b.r[i], c.r[i]);
  return a;
}
GAUSSITU_INLINE f32x16 max(f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] = a.r[i] > b.r[i] ? a.r[i] : b.r[i];
  return a;
}
GAUSSITU_INLINE f32x16 min(f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] = a.r[i] < b.r[i] ? a.r[i] : b.r[i];
  return a;
}
GAUSSITU_INLINE f32x16 abs(f32x16 a) {
  GAUSSITU_LANES a.r[i] = __builtin_fabsf(a.r[i]);
  return a;
}
GAUSSITU_INLINE f32x16 inverse_root(f32x16 a) {
  GAUSSITU_LANES a.r[i] = 1 / __builtin_sqrtf(a.r[i]);
  return a;
}
GAUSSITU_INLINE f32x16 truncate(f32x16 a) {
  GAUSSITU_LANES a.r[i] = __builtin_truncf(a.r[i]);
  return a;
}
GAUSSITU_INLINE void store_whole(int32_t* p, const f32x16& a) {
  GAUSSITU_LANES p[i] = static_cast<int32_t>(a.r[i]);
}
GAUSSITU_INLINE uint32_t less(const f32x16& a, const f32x16& b) {
  uint32_t mask = 0;
  GAUSSITU_LANES mask |= static_cast<uint32_t>(a.r[i] < b.r[i]) << i;
  return mask;
}
GAUSSITU_INLINE f32x16 where_positive(const f32x16& c, f32x16 a, const f32x16& b) {
  GAUSSITU_LANES a.r[i] = c.r[i] > 0 ? a.r[i] : b.r[i];
  return a;
}
#undef GAUSSITU_LANES

#endif

/// Sum of all lanes, always in this order: halves are folded 16 -> 8 -> 4 -> 2 -> 1.
GAUSSITU_INLINE float sum(const f32x16& a) {
#if defined(__AVX2__) || defined(__AVX512F__)
#if defined(__AVX512F__)
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.r), _mm512_extractf32x8_ps(a.r, 1));
#else
  const __m256 eight = _mm256_add_ps(a.lo, a.hi);
#endif
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
#else
  float t[16];
  store(t, a);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; i++) t[i] += t[i + half];
  return t[0];
#endif
}

}  // namespace gaussitu::GAUSSITU_ISA
