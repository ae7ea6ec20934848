// Binary range coder after Martin (1979) with the carry handling of LZMA: within 0.01 % of the entropy of its
// models. Encoder and decoder have the same face (`bit`, `uniform` take and return the symbol), so that a
// stream is written down once, as a template over the coder: what is coded and what is decoded cannot drift
// apart.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "entropy/bit_model.hpp"

namespace gaussitu {

inline constexpr uint32_t kMaxUniform = 1u << 16;

class RangeEncoder {
 public:
  static constexpr bool kDecoding = false;

  int bit(BitModel& model, int value);
  /// One of `count` equally likely symbols, 1 <= count <= kMaxUniform, value < count.
  uint32_t uniform(uint32_t value, uint32_t count);
  /// The bytes, as few as identify the stream: trailing zero bytes are left out. The encoder is spent.
  std::vector<uint8_t> finish();

 private:
  void normalise();
  void shift_low();

  uint64_t low_ = 0;
  uint32_t range_ = 0xffffffffu;
  uint8_t cache_ = 0;
  uint64_t pending_ = 1;  // bytes held back until the carry is known; the first is a dummy
  std::vector<uint8_t> out_;
};

class RangeDecoder {
 public:
  static constexpr bool kDecoding = true;

  /// `padded`: as `finish` leaves it, zeros follow. `cut`: of a longer stream, nothing beyond counts.
  enum class End { padded, cut };

  /// Borrows `bytes`. Throws corrupt_stream when decoding runs further past their end than `finish` cuts off.
  explicit RangeDecoder(std::span<const uint8_t> bytes, End end = End::padded);

  /// Whether it has thrown for want of bytes.
  bool ended() const { return at_ > bytes_.size() + tail_; }

  int bit(BitModel& model, int = 0);
  uint32_t uniform(uint32_t, uint32_t count);

 private:
  void normalise();
  uint8_t next();

  std::span<const uint8_t> bytes_;
  size_t tail_;
  size_t at_ = 0;
  uint32_t code_ = 0;
  uint32_t range_ = 0xffffffffu;
};

}  // namespace gaussitu
