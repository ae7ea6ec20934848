// Integers as bits: quantiser codes with a context, and small parameters.
#pragma once
#include <bit>
#include <cstdint>

#include "residual/bulk_coder.hpp"

namespace gaussitu {

inline constexpr int kContexts = 24;
inline constexpr int kClasses = 31;  // class 30 stands for "no code": the value follows raw
inline constexpr int32_t kNoCodeSymbol = 0x7fffffff;

/// Models of one context: how many bits a magnitude has, then its two leading bits below the first.
class MagnitudeModels {
 public:
  /// A magnitude of at least 1, or 2^30 for "no code".
  template <class Coder>
  uint32_t code(Coder& coder, uint32_t magnitude) {
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
int32_t code_symbol(Coder& coder, CodeModels& models, int context, int32_t symbol) {
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
