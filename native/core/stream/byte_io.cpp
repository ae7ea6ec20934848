#include "stream/byte_io.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.hpp"

namespace gaussitu {

namespace {
enum Tag : uint8_t { zero, integer, single, full };

Tag tag_of(double x) {
  if (x == 0) return zero;
  if (x > 0 && x < 4294967296.0 && x == std::floor(x)) return integer;
  return static_cast<double>(static_cast<float>(x)) == x ? single : full;
}
}  // namespace

void ByteWriter::u16(uint16_t x) {
  u8(static_cast<uint8_t>(x));
  u8(static_cast<uint8_t>(x >> 8));
}

void ByteWriter::u32(uint32_t x) {
  u16(static_cast<uint16_t>(x));
  u16(static_cast<uint16_t>(x >> 16));
}

void ByteWriter::varint(uint64_t x) {
  for (; x >= 0x80; x >>= 7) u8(static_cast<uint8_t>(x | 0x80));
  u8(static_cast<uint8_t>(x));
}

void ByteWriter::numbers(std::span<const double> values) {
  for (size_t i = 0; i < values.size(); i += 4) {
    uint8_t tags = 0;
    for (size_t k = 0; k < 4 && i + k < values.size(); ++k)
      tags = static_cast<uint8_t>(tags | tag_of(values[i + k]) << (2 * k));
    u8(tags);
  }
  for (const double x : values) switch (tag_of(x)) {
      case zero:
        break;
      case integer:
        varint(static_cast<uint64_t>(x));
        break;
      case single:
        u32(std::bit_cast<uint32_t>(static_cast<float>(x)));
        break;
      case full: {
        const auto bits = std::bit_cast<uint64_t>(x);
        u32(static_cast<uint32_t>(bits));
        u32(static_cast<uint32_t>(bits >> 32));
      }
    }
}

void ByteReader::need(size_t n) const {
  if (bytes_.size() - at_ < n)
    throw Error(Code::corrupt_stream, "Payload ends too early: expected " + std::to_string(at_ + n) +
                                          " bytes or more but received " + std::to_string(bytes_.size()));
}

uint8_t ByteReader::u8() {
  need(1);
  return bytes_[at_++];
}

uint16_t ByteReader::u16() {
  const uint16_t low = u8();
  return static_cast<uint16_t>(low | u8() << 8);
}

uint32_t ByteReader::u32() {
  const uint32_t low = u16();
  return low | static_cast<uint32_t>(u16()) << 16;
}

uint64_t ByteReader::varint() {
  uint64_t x = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const uint8_t b = u8();
    x |= static_cast<uint64_t>(b & 0x7f) << shift;
    if (b < 0x80) return x;
  }
  throw Error(Code::corrupt_stream, "Payload is damaged: integer of more than 5 bytes");
}

void ByteReader::numbers(std::span<double> values) {
  std::vector<uint8_t> tags((values.size() + 3) / 4);
  for (auto& t : tags) t = u8();
  for (size_t i = 0; i < values.size(); ++i) {
    double x = 0;
    switch (static_cast<Tag>(tags[i / 4] >> (2 * (i % 4)) & 3)) {
      case zero:
        break;
      case integer:
        x = static_cast<double>(varint());
        break;
      case single:
        x = std::bit_cast<float>(u32());
        break;
      case full: {
        const uint64_t low = u32();
        x = std::bit_cast<double>(low | static_cast<uint64_t>(u32()) << 32);
      }
    }
    if (!std::isfinite(x)) throw Error(Code::corrupt_stream, "Payload is damaged: number is not finite");
    values[i] = x;
  }
}

}  // namespace gaussitu
