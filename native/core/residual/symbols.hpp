// Integers as bits: quantiser codes with a context, and small parameters.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "residual/bulk_coder.hpp"

namespace gaussitu {

inline constexpr int kContexts = 24;
// In the sum of a context: of the code just before and of the one before that, in the same row.
inline constexpr int kLeftWeight = 6, kBeforeWeight = 3;

/// Contexts by the sum of magnitudes around a code, in steps of sqrt(2).
inline constexpr int kContextFloor[kContexts] = {0,   1,   2,    3,    6,    9,    14,   20,
                                                 30,  43,  62,   89,   127,  180,  256,  363,
                                                 513, 727, 1029, 1456, 2060, 2914, 4121, 5829};
inline constexpr auto kContextOf = [] {
  std::array<uint8_t, kContextFloor[kContexts - 1] + 1> table{};
  int k = 0;
  for (size_t sum = 0; sum < table.size(); sum++) {
    while (k + 1 < kContexts && static_cast<int>(sum) >= kContextFloor[k + 1]) k++;
    table[sum] = static_cast<uint8_t>(k);
  }
  return table;
}();
inline int context_of(int sum) {
  return kContextOf[std::min<size_t>(static_cast<size_t>(sum), kContextOf.size() - 1)];
}

inline constexpr int kClasses = 31;  // class 30 stands for "no code": the value follows raw
inline constexpr int32_t kNoCodeSymbol = 0x7fffffff;

/// Models of one context: how many bits a magnitude has, then its two leading bits below the first.
class MagnitudeModels {
 public:
  /// A magnitude of at least 1, or 2^30 for "no code".
  template <class Coder>
  [[gnu::always_inline]] inline uint32_t code(Coder& coder, uint32_t magnitude) {
    const int real = std::bit_width(magnitude) - 1;
    int k = 0;
    while (k < kClasses - 1 && coder.bit(longer_[k], real > k)) k++;
    if (k == kClasses - 1) return 1u << 30;
    uint32_t m = 1;
    int left = k;
    for (int depth = 0; depth < 2 && left > 0; depth++) {
      left--;
      m = m << 1 | uint32_t{coder.bit(leading_[k < 12 ? k : 12][m], magnitude >> left & 1)};
    }
    if (left > 0) m = m << left | static_cast<uint32_t>(coder.raw(magnitude & ((1u << left) - 1), left));
    return m;
  }

 private:
  BulkModel longer_[kClasses];
  BulkModel leading_[13][4];
};

struct CodeModels {
  BulkModel zero[kContexts];
  MagnitudeModels magnitude[kContexts];
};

/// A quantiser code, or kNoCodeSymbol.
template <class Coder>
[[gnu::always_inline]] inline int32_t code_symbol(Coder& coder, CodeModels& models, int context,
                                                  int32_t symbol) {
  if (!coder.bit(models.zero[context], symbol != 0)) return 0;
  const uint32_t magnitude =
      symbol == kNoCodeSymbol ? 1u << 30 : static_cast<uint32_t>(symbol < 0 ? -symbol : symbol);
  const uint32_t m = models.magnitude[context].code(coder, magnitude);
  if (m >= 1u << 30) return kNoCodeSymbol;
  const bool negative = coder.raw(symbol < 0, 1) != 0;
  return negative ? -static_cast<int32_t>(m) : static_cast<int32_t>(m);
}

/// A small signed parameter.
struct IntegerModels {
  BulkModel zero, sign;
  MagnitudeModels magnitude;
  template <class Coder>
  int32_t code(Coder& coder, int32_t value) {
    if (!coder.bit(zero, value != 0)) return 0;
    const bool negative = coder.bit(sign, value < 0);
    const auto m =
        static_cast<int32_t>(magnitude.code(coder, static_cast<uint32_t>(value < 0 ? -value : value)));
    return negative ? -m : m;
  }
};

}  // namespace gaussitu
