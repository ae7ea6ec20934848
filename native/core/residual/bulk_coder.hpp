// Fast adaptive binary range coder for the millions of symbols of a residual (the few thousand parameters of
// a model use entropy/range_coder.hpp, which learns more tightly but divides). Probabilities move by shifts:
// the mean of a fast and a slow estimate, both running means at first. Encoder and decoder have one face, so
// that a stream is written down once as a template over the coder.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace gaussitu {

class BulkModel {
 public:
  uint32_t p0() const {  // probability of a 0 in 1/32768, within [32, 32736]
    return std::clamp<uint32_t>((uint32_t{fast_} + slow_) >> 2, 32, 32768 - 32);
  }
  [[gnu::always_inline]] inline void update(bool bit) {
    const auto [fast, slow] = kRates[seen_];
    if (seen_ + 1u < kRates.size()) seen_++;
    const uint32_t target = bit ? 0 : 65535;
    fast_ = static_cast<uint16_t>(fast_ + ((static_cast<int32_t>(target) - fast_) >> fast));
    slow_ = static_cast<uint16_t>(slow_ + ((static_cast<int32_t>(target) - slow_) >> slow));
  }

 private:
  struct Rates {
    uint8_t fast, slow;
  };
  // After n decisions a running mean moves by 1 / (n + 1.5).
  static constexpr auto kRates = [] {
    std::array<Rates, 128> rates{};
    for (size_t n = 0; n < rates.size(); n++) {
      uint8_t shift = 1;
      while (shift < 7 && (size_t{2} << shift) <= n + 2) shift++;
      rates[n] = {std::min<uint8_t>(shift, 5), shift};
    }
    return rates;
  }();
  uint16_t fast_ = 32768, slow_ = 32768;
  uint8_t seen_ = 0;
};

class BulkEncoder {
 public:
  static constexpr bool kDecoding = false;

  [[gnu::always_inline]] inline bool bit(BulkModel& model, bool value) {
    const uint32_t split = (range_ >> 15) * model.p0();
    if (value) {
      low_ += split;
      range_ -= split;
    } else {
      range_ = split;
    }
    model.update(value);
    normalise();
    return value;
  }
  /// `count` equally likely bits, at most 64.
  [[gnu::always_inline]] inline uint64_t raw(uint64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) {
      range_ >>= 1;
      if ((value >> i) & 1) low_ += range_;
      normalise();
    }
    return value;
  }
  /// The bytes, without trailing zeros: the decoder sees zeros past the end. The encoder is spent.
  std::vector<uint8_t> finish() {
    // Any number in [low, low + range) identifies the stream: the one with most trailing zeros is shortest.
    for (int keep = 8; keep <= 32; keep += 8) {
      const uint64_t unit = uint64_t{1} << (32 - keep);
      const uint64_t rounded = (low_ + unit - 1) & ~(unit - 1);
      if (rounded < low_ + range_) {
        low_ = rounded;
        break;
      }
    }
    for (int i = 0; i < 5; i++) shift();
    out_.erase(out_.begin());
    while (!out_.empty() && out_.back() == 0) out_.pop_back();
    return std::move(out_);
  }

 private:
  [[gnu::always_inline]] inline void normalise() {
    while (range_ < (1u << 24)) {
      range_ <<= 8;
      shift();
    }
  }
  void shift() {
    if (low_ < 0xff000000u || low_ > 0xffffffffu) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      for (; pending_ > 0; pending_--) {
        out_.push_back(static_cast<uint8_t>(cache_ + carry));
        cache_ = 0xff;
      }
      cache_ = static_cast<uint8_t>(low_ >> 24);
    }
    pending_++;
    low_ = (low_ & 0x00ffffffu) << 8;
  }

  uint64_t low_ = 0;
  uint64_t pending_ = 1;  // bytes held back until the carry is known; the first is a dummy
  uint32_t range_ = 0xffffffffu;
  uint8_t cache_ = 0;
  std::vector<uint8_t> out_;
};

class BulkDecoder {
 public:
  static constexpr bool kDecoding = true;

  explicit BulkDecoder(std::span<const uint8_t> bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {
    for (int i = 0; i < 4; i++) code_ = code_ << 8 | next();
  }
  [[gnu::always_inline]] inline bool bit(BulkModel& model, bool = false) {
    const uint32_t split = (range_ >> 15) * model.p0();
    const bool value = code_ >= split;
    if (value) {
      code_ -= split;
      range_ -= split;
    } else {
      range_ = split;
    }
    model.update(value);
    normalise();
    return value;
  }
  [[gnu::always_inline]] inline uint64_t raw(uint64_t, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) {
      range_ >>= 1;
      const bool one = code_ >= range_;
      if (one) code_ -= range_;
      value = value << 1 | uint64_t{one};
      normalise();
    }
    return value;
  }

 private:
  [[gnu::always_inline]] inline void normalise() {
    while (range_ < (1u << 24)) {
      range_ <<= 8;
      code_ = code_ << 8 | next();
    }
  }
  uint8_t next() { return at_ < end_ ? *at_++ : 0; }

  const uint8_t* at_;
  const uint8_t* end_;
  uint32_t code_ = 0, range_ = 0xffffffffu;
};

}  // namespace gaussitu
