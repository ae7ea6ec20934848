#include "residual/row_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

namespace gaussitu::GAUSSITU_ISA {

namespace {

#define GAUSSITU_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr size_t kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr size_t kVectorBytes = 32;
#else
constexpr size_t kVectorBytes = 16;
#endif
template <class T>
constexpr size_t kLanes = kVectorBytes / sizeof(T);
template <class T, size_t kCount = kLanes<T>>
struct VectorOf {
  typedef T type __attribute__((vector_size(kCount * sizeof(T))));
};
template <class T, size_t kCount = kLanes<T>>
using Vector = typename VectorOf<T, kCount>::type;

/// Every other of 2 kCount - 1 values: they are all that is read.
template <class T, size_t... kLane>
GAUSSITU_INLINE Vector<T, sizeof...(kLane)> load_every_other(const T* p, std::index_sequence<kLane...>) {
  constexpr size_t kCount = sizeof...(kLane);
  Vector<T, kCount> a, b;
  std::memcpy(&a, p, sizeof a);
  std::memcpy(&b, p + kCount - 1, sizeof b);
  return __builtin_shufflevector(a, b, (2 * kLane < kCount ? 2 * kLane : 2 * kLane + 1)...);
}

template <int64_t kStep, class T, size_t kCount = kLanes<T>>
GAUSSITU_INLINE Vector<T, kCount> load(const T* p, int64_t step) {
  if constexpr (kStep == 2) {
    return load_every_other(p, std::make_index_sequence<kCount>());
  } else {
    Vector<T, kCount> v;
    if constexpr (kStep == 1)
      std::memcpy(&v, p, sizeof v);
    else
      for (size_t lane = 0; lane < kCount; lane++) v[lane] = p[static_cast<int64_t>(lane) * step];
    return v;
  }
}

/// A neighbour of kCount targets, indices first + lane * step clamped to [least, last]. Reads within the row,
/// which must have kCount * step points.
template <int64_t kStep, class T, size_t kCount, size_t... kLane>
GAUSSITU_INLINE Vector<T, kCount> load_clamped(const RowTap<T>& tap, int64_t ahead,
                                               std::index_sequence<kLane...>) {
  using Index = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  const int64_t first = tap.first + ahead;
  const int64_t from = std::clamp<int64_t>(first, 0, tap.last + 1 - static_cast<int64_t>(kCount) * kStep);
  constexpr Vector<Index, kCount> kOffset = {static_cast<Index>(kStep * static_cast<int64_t>(kLane))...};
  Vector<Index, kCount> index = kOffset + static_cast<Index>(first - from);
  const auto least = static_cast<Index>(tap.least - from), last = static_cast<Index>(tap.last - from);
  index = index < least ? least - Vector<Index, kCount>{} : index;
  index = index > last ? last - Vector<Index, kCount>{} : index;
  Vector<T, kCount> a;
  std::memcpy(&a, tap.row + from, sizeof a);
  if constexpr (kStep == 1) {
    return __builtin_shuffle(a, index);
  } else {
    Vector<T, kCount> b;
    std::memcpy(&b, tap.row + from + kCount, sizeof b);
    return __builtin_shuffle(a, b, index);
  }
}

/// Calls block(i) where kCount targets from i on need no clamping, and for the others clamped(i), or each(i),
/// one by one, where there is none or rows are too short for it. Blocks may overlap.
template <int64_t kStep, int64_t kCount, class V, class Block, class Clamped, class Each>
GAUSSITU_INLINE void for_row(const RowTap<V>* taps, size_t tap_count, int64_t step, size_t count,
                             const Block& block, [[maybe_unused]] const Clamped& clamped, const Each& each) {
  const auto n = static_cast<int64_t>(count);
  int64_t least = 0, most = INT64_MAX, shortest = INT64_MAX;
  for (size_t t = 0; t < tap_count; t++) {
    least = std::max(least, taps[t].least - taps[t].first);
    most = std::min(most, taps[t].last - taps[t].first);
    shortest = std::min(shortest, taps[t].last + 1);
  }
  // Targets [lo, hi) need no clamping.
  int64_t lo = std::min(n, step == 1 ? least : (least + step - 1) / step);
  int64_t hi = most < 0 ? lo : std::max(lo, std::min(n, (step == 1 ? most : most / step) + 1));
  if constexpr (kStep != 0 && kVectorBytes > 16 && !std::is_null_pointer_v<Clamped>) {
    if (n >= kCount && shortest >= kStep * kCount) {
      for (int64_t i = 0; i < n; i += kCount) {
        const int64_t at = std::min(i, n - kCount);
        if (at >= lo && at + kCount <= hi)
          block(at);
        else
          clamped(at);
      }
      return;
    }
  }
  if (hi - lo < kCount) lo = hi = n;
  for (int64_t i = 0; i < lo; i++) each(i);
  for (int64_t i = lo; i < hi; i += kCount) block(std::min(i, hi - kCount));
  for (int64_t i = hi; i < n; i++) each(i);
}

/// The features of as many targets as V has lanes; at(tap) reads a neighbour of them. Returns the mean of the
/// two nearest.
template <class V, class T, class At, class Sink>
GAUSSITU_INLINE V features(const RowStencil<T>& s, const At& at, const Sink& sink) {
  V near[kMaxArrays];
  const RowTap<T>* tap = s.taps;
  for (size_t a = 0; a < s.array_count; a++, tap += 2) near[a] = (at(tap[0]) + at(tap[1])) * T(0.5);
  sink(size_t{0}, near[0]);
  for (size_t j = 0; j < s.feature_count; j++) {
    const RowFeature<T>& f = s.features[j];
    V sum = at(*tap++);
    for (const RowTap<T>* end = s.taps + f.end; tap < end;) sum = sum + at(*tap++);
    sink(j + 1, sum * f.scale - near[f.minus]);
  }
  return near[0];
}

/// run(i, features) for blocks of targets.
template <class T, class Run>
GAUSSITU_INLINE void for_targets(const RowStencil<T>& s, size_t n, const Run& run) {
  const auto blocks = [&]<int64_t kStep>() {
    for_row<kStep, kLanes<T>>(
        s.taps, s.tap_count, s.step, n,
        [&](int64_t i) {
          run.template operator()<Vector<T>>(i, [&](const RowTap<T>& tap) {
            return load<kStep>(tap.row + (tap.first + i * s.step), s.step);
          });
        },
        [&](int64_t i) {
          if constexpr (kStep != 0)
            run.template operator()<Vector<T>>(i, [&](const RowTap<T>& tap) {
              return load_clamped<kStep, T, kLanes<T>>(tap, i * kStep, std::make_index_sequence<kLanes<T>>());
            });
        },
        [&](int64_t i) {
          run.template operator()<T>(i, [&](const RowTap<T>& tap) {
            return tap.row[std::clamp(tap.first + i * s.step, tap.least, tap.last)];
          });
        });
  };
  if (s.step == 1)
    blocks.template operator()<1>();
  else if (s.step == 2)
    blocks.template operator()<2>();
  else
    blocks.template operator()<0>();
}

template <class T>
GAUSSITU_INLINE void predict(T* out, const RowStencil<T>& s, size_t n) {
  for_targets(s, n, [&]<class V>(int64_t i, const auto& at) {
    V p;
    features<V>(s, at, [&](size_t j, const V& f) { p = j == 0 ? f : p + f * s.features[j - 1].weight; });
    std::memcpy(out + i, &p, sizeof p);
  });
}

template <class T>
GAUSSITU_INLINE void write_features(T* out, const RowStencil<T>& s, size_t n) {
  for_targets(s, n, [&]<class V>(int64_t i, const auto& at) {
    features<V>(s, at, [&](size_t j, const V& f) {
      std::memcpy(out + (j == 0 ? s.feature_count : j - 1) * n + static_cast<size_t>(i), &f, sizeof f);
    });
  });
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
  void predict_row(T* out, const RowStencil<T>& stencil, size_t n) {                          \
    predict(out, stencil, n);                                                                 \
  }                                                                                           \
  void feature_rows(T* out, const RowStencil<T>& stencil, size_t n) {                         \
    write_features(out, stencil, n);                                                          \
  }                                                                                           \
  void quantise_row(const T* x, const T* p, Quantiser z, int32_t* code, T* value, size_t n) { \
    quantise(x, p, z, code, value, n);                                                        \
  }                                                                                           \
  void reconstruct_row(const T* p, const int32_t* code, Quantiser z, T* value, size_t n) {    \
    reconstruct(p, code, z, value, n);                                                        \
  }
GAUSSITU_ROW_BODIES(float)
GAUSSITU_ROW_BODIES(double)

void sum_magnitudes(uint16_t* out, const RowTap<uint8_t>* taps, size_t tap_count,
                    const MagnitudeGroup* groups, size_t group_count, int64_t step, size_t n) {
  constexpr size_t kCount = kLanes<uint16_t>;
  const auto sum = [&]<class V>(const auto& at) {
    V total{};
    const RowTap<uint8_t>* tap = taps;
    for (size_t g = 0; g < group_count; g++) {
      V group = at(*tap++);
      while (tap < taps + groups[g].end) group += at(*tap++);
      total += group * groups[g].weight;
    }
    return total;
  };
  const auto blocks = [&]<int64_t kStep>() {
    const auto each = [&](int64_t i) {
      out[i] = static_cast<uint16_t>(sum.template operator()<uint32_t>([&](const RowTap<uint8_t>& tap) {
        return uint32_t{tap.row[std::clamp(tap.first + i * step, tap.least, tap.last)]};
      }));
    };
    for_row<kStep, kCount>(
        taps, tap_count, step, n,
        [&](int64_t i) {
          const auto v = sum.template operator()<Vector<uint16_t>>([&](const RowTap<uint8_t>& tap) {
            const uint8_t* p = tap.row + (tap.first + i * step);
            return __builtin_convertvector((load<kStep, uint8_t, kCount>(p, step)), Vector<uint16_t>);
          });
          std::memcpy(out + i, &v, sizeof v);
        },
        nullptr, each);
  };
  if (step == 1)
    blocks.template operator()<1>();
  else if (step == 2)
    blocks.template operator()<2>();
  else
    blocks.template operator()<0>();
}

void add_products(double* sums, const double* rows, size_t m, size_t n) {
  // Four sums at a time: one alone would wait for each of its additions.
  constexpr size_t kCount = kLanes<double>, kSums = 4;
  for (size_t a = 0; a < m; a += kSums)
    for (size_t b = a / kCount * kCount; b < m; b += kCount) {
      Vector<double> sum[kSums];
      for (size_t k = 0; k < kSums; k++) std::memcpy(&sum[k], sums + (a + k) * m + b, sizeof sum[k]);
      for (size_t i = 0; i < n; i++) {
        const auto row = load<1>(rows + i * m + b, 1);
        for (size_t k = 0; k < kSums; k++) sum[k] += row * rows[i * m + a + k];
      }
      for (size_t k = 0; k < kSums; k++) std::memcpy(sums + (a + k) * m + b, &sum[k], sizeof sum[k]);
    }
}

}  // namespace gaussitu::GAUSSITU_ISA
