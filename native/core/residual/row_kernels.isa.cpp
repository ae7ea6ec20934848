#include "residual/row_kernels.hpp"

#include <algorithm>
#include <cmath>

namespace gaussitu::GAUSSITU_ISA {

namespace {

/// Calls body(i, index) with index = clamp(first + i * step); the long middle part needs no clamping.
template <class Out, class In, class Body>
inline void for_row(Out* out, const In* row, RowView view, size_t count, Body body) {
  const auto n = static_cast<int64_t>(count);
  const int64_t lo = view.first >= 0 ? 0 : std::min(n, (-view.first + view.step - 1) / view.step);
  const int64_t hi =
      view.first > view.last ? lo : std::max(lo, std::min(n, (view.last - view.first) / view.step + 1));
  for (int64_t i = 0; i < lo; i++) out[i] = body(out[i], row[0]);
  const In* middle = row + view.first;
  if (view.step == 1) {
    for (int64_t i = lo; i < hi; i++) out[i] = body(out[i], middle[i]);
  } else if (view.step == 2) {
    for (int64_t i = lo; i < hi; i++) out[i] = body(out[i], middle[2 * i]);
  } else {
    for (int64_t i = lo; i < hi; i++) out[i] = body(out[i], middle[i * view.step]);
  }
  for (int64_t i = hi; i < n; i++) out[i] = body(out[i], row[view.last]);
}

/// The decoded value of a code: the one place that defines it.
template <class T>
inline T value_of(double p, double code, const Quantiser& z) {
  return static_cast<T>(std::fma(code, z.bin, p));
}
template <class T>
inline T lattice_value_of(double p, double code, const Quantiser& z) {
  return static_cast<T>(std::nearbyint(p / z.lattice) * z.lattice + code * z.bin);
}

template <class T>
inline void quantise(const T* x, const T* prediction, const Quantiser& z, int32_t* code, T* value, size_t n) {
  const double inverse = 1 / z.bin;
  for (size_t i = 0; i < n; i++) {
    double p = prediction[i];
    if (z.lattice > 0) p = std::nearbyint(p / z.lattice) * z.lattice;
    double q = std::nearbyint((static_cast<double>(x[i]) - p) * inverse);
    q = q > -1e9 && q < 1e9 ? q : 1e9;  // also NaN
    const T v = z.lattice > 0 ? lattice_value_of<T>(prediction[i], q, z) : value_of<T>(prediction[i], q, z);
    const bool good = q < 1e9 && std::fabs(static_cast<double>(x[i]) - static_cast<double>(v)) <= z.bound;
    code[i] = good ? static_cast<int32_t>(q) : kNoCode;
    value[i] = good ? v : x[i];
  }
}

template <class T>
inline void reconstruct(const T* p, const int32_t* code, const Quantiser& z, T* value, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const T v = z.lattice > 0 ? lattice_value_of<T>(p[i], code[i], z) : value_of<T>(p[i], code[i], z);
    value[i] = code[i] == kNoCode ? value[i] : v;
  }
}

}  // namespace

#define GAUSSITU_ROW_BODIES(T)                                                                \
  void add_row(T* out, const T* row, RowView view, size_t n) {                                \
    for_row(out, row, view, n, [](T a, T b) { return a + b; });                               \
  }                                                                                           \
  void finish_feature(T* out, T scale, const T* minus, size_t n) {                            \
    if (minus == nullptr)                                                                     \
      for (size_t i = 0; i < n; i++) out[i] = out[i] * scale;                                 \
    else                                                                                      \
      for (size_t i = 0; i < n; i++) out[i] = out[i] * scale - minus[i];                      \
  }                                                                                           \
  void add_weighted(T* out, T weight, const T* feature, size_t n) {                           \
    for (size_t i = 0; i < n; i++) out[i] = std::fma(weight, feature[i], out[i]);             \
  }                                                                                           \
  void quantise_row(const T* x, const T* p, Quantiser z, int32_t* code, T* value, size_t n) { \
    quantise(x, p, z, code, value, n);                                                        \
  }                                                                                           \
  void reconstruct_row(const T* p, const int32_t* code, Quantiser z, T* value, size_t n) {    \
    reconstruct(p, code, z, value, n);                                                        \
  }
GAUSSITU_ROW_BODIES(float)
GAUSSITU_ROW_BODIES(double)

void add_magnitudes(uint16_t* out, const uint8_t* row, RowView view, uint16_t weight, size_t n) {
  for_row(out, row, view, n,
          [weight](uint16_t a, uint8_t b) { return static_cast<uint16_t>(a + weight * b); });
}

}  // namespace gaussitu::GAUSSITU_ISA
