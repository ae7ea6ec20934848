// Little-endian bytes in and out. The reader checks every access.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace gaussitu {

class ByteWriter {
 public:
  void u8(uint8_t x) { out_.push_back(x); }
  void u16(uint16_t x);
  void u32(uint32_t x);
  /// LEB128: 7 bits per byte, least significant first.
  void varint(uint64_t x);
  /// Numbers in as few bytes as keep them exact: a 2-bit tag each (four to a byte, the first lowest), then
  /// nothing for zero, a varint for an integer below 2^32, 4 bytes for what an f32 holds, else 8.
  void numbers(std::span<const double> values);

  std::vector<uint8_t> take() { return std::move(out_); }

 private:
  std::vector<uint8_t> out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint8_t u8();
  uint16_t u16();
  uint32_t u32();
  uint64_t varint();
  /// Throws corrupt_stream on NaN and infinities.
  void numbers(std::span<double> values);
  std::span<const uint8_t> rest() const { return bytes_.subspan(at_); }

 private:
  void need(size_t n) const;
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

}  // namespace gaussitu
