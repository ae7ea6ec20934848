#include "entropy/range_coder.hpp"

#include "base/error.hpp"

namespace gaussitu {

namespace {
constexpr uint32_t kTop = 1u << 24;
constexpr size_t kTail = 4;  // bytes of state: the most that finish() can leave out
}  // namespace

void RangeEncoder::shift_low() {
  if (low_ < 0xff000000u || low_ > 0xffffffffu) {
    const auto carry = static_cast<uint8_t>(low_ >> 32);
    for (; pending_ > 0; --pending_) {
      out_.push_back(static_cast<uint8_t>(cache_ + carry));
      cache_ = 0xff;
    }
    cache_ = static_cast<uint8_t>(low_ >> 24);
  }
  ++pending_;
  low_ = (low_ & 0x00ffffffu) << 8;
}

void RangeEncoder::normalise() {
  while (range_ < kTop) {
    range_ <<= 8;
    shift_low();
  }
}

int RangeEncoder::bit(BitModel& model, int value) {
  const uint32_t bound = (range_ >> 16) * model.p;
  if (value) {
    low_ += bound;
    range_ -= bound;
  } else {
    range_ = bound;
  }
  model.update(value);
  normalise();
  return value;
}

uint32_t RangeEncoder::uniform(uint32_t value, uint32_t count) {
  const uint32_t share = range_ / count;
  low_ += static_cast<uint64_t>(share) * value;
  range_ = share;
  normalise();
  return value;
}

std::vector<uint8_t> RangeEncoder::finish() {
  // Any number in [low, low + range) will do: take the one with the most trailing zero bits.
  for (int keep = 0; keep < 32; ++keep) {
    const uint64_t unit = uint64_t{1} << (32 - keep);
    const uint64_t rounded = (low_ + unit - 1) / unit * unit;
    if (rounded < low_ + range_) {
      low_ = rounded;
      break;
    }
  }
  for (size_t i = 0; i < 1 + kTail; ++i) shift_low();
  out_.erase(out_.begin());
  size_t drop = 0;
  while (drop < kTail && !out_.empty() && out_.back() == 0) {
    out_.pop_back();
    ++drop;
  }
  return std::move(out_);
}

RangeDecoder::RangeDecoder(std::span<const uint8_t> bytes, End end)
    : bytes_(bytes), tail_(end == End::padded ? kTail : 0) {
  for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next();
}

uint8_t RangeDecoder::next() {
  if (at_ < bytes_.size()) return bytes_[at_++];
  if (at_++ >= bytes_.size() + tail_)
    throw Error(Code::corrupt_stream, "Payload ends too early: expected more entropy-coded bytes");
  return 0;
}

void RangeDecoder::normalise() {
  while (range_ < kTop) {
    range_ <<= 8;
    code_ = code_ << 8 | next();
  }
}

int RangeDecoder::bit(BitModel& model, int) {
  const uint32_t bound = (range_ >> 16) * model.p;
  const int value = code_ >= bound;
  if (value) {
    code_ -= bound;
    range_ -= bound;
  } else {
    range_ = bound;
  }
  model.update(value);
  normalise();
  return value;
}

uint32_t RangeDecoder::uniform(uint32_t, uint32_t count) {
  const uint32_t share = range_ / count;
  uint32_t value = code_ / share;
  if (value >= count) value = count - 1;  // only in a damaged stream
  code_ -= share * value;
  range_ = share;
  normalise();
  return value;
}

}  // namespace gaussitu
