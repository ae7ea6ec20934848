// Adaptive models of integers with a peaked, roughly exponential or normal distribution of unknown width.
//
// A magnitude m is coded as its class c = floor(log2(m + 1)) in unary, then the c low bits of m + 1 from the
// top: the first two adaptive (they follow the slope of the density inside a class), the rest uniform.
// A few dozen decisions learn any width, so small models pay little for learning.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "base/error.hpp"
#include "entropy/range_coder.hpp"

namespace gaussitu {

/// Non-negative integers up to 2^30 - 2.
class MagnitudeModel {
 public:
  template <class Coder>
  uint32_t code(Coder& coder, uint32_t value) {
    const int real = std::bit_width(value + 1) - 1;
    int c = 0;
    while (coder.bit(longer_[c], real > c)) {
      if (++c == kClasses) throw Error(Code::corrupt_stream, "Payload is damaged: number too large");
    }
    uint32_t m = 1;
    for (int left = c - 1; left >= 0; --left) {
      const auto want = static_cast<int>((value + 1) >> left & 1);
      if (m < 4) {
        m = m << 1 | static_cast<uint32_t>(coder.bit(top_[c][m], want));
      } else {
        const int width = left + 1 < 16 ? left + 1 : 16;
        left -= width - 1;
        const uint32_t mask = (1u << width) - 1;
        m = m << width | coder.uniform((value + 1) >> left & mask, mask + 1);
      }
    }
    return m - 1;
  }

 private:
  static constexpr int kClasses = 30;
  std::array<BitModel, kClasses> longer_;
  std::array<std::array<BitModel, 4>, kClasses> top_;  // [class][1: first bit; 2, 3: second bit]
};

/// Signed integers of magnitude up to 2^30 - 2.
class IntegerModel {
 public:
  template <class Coder>
  int32_t code(Coder& coder, int32_t value) {
    const auto m = static_cast<int32_t>(
        magnitude_.code(coder, static_cast<uint32_t>(value < 0 ? -static_cast<int64_t>(value) : value)));
    if (m == 0) return 0;
    return coder.bit(negative_, value < 0) ? -m : m;
  }

 private:
  MagnitudeModel magnitude_;
  BitModel negative_;
};

}  // namespace gaussitu
