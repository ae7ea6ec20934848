#include "msgpack.hpp"

#include <bit>
#include <cstring>
#include <limits>

namespace gaussitu::client {

void Packer::big_endian(uint8_t tag, uint64_t value, int size) {
  bytes_ += static_cast<char>(tag);
  for (int i = size - 1; i >= 0; --i) bytes_ += static_cast<char>(value >> (8 * i));
}

Packer& Packer::map(size_t pairs) {
  if (pairs < 16) {
    bytes_ += static_cast<char>(0x80 | pairs);
  } else {
    big_endian(pairs < 65536 ? 0xde : 0xdf, pairs, pairs < 65536 ? 2 : 4);
  }
  return *this;
}

Packer& Packer::array(size_t items) {
  if (items < 16) {
    bytes_ += static_cast<char>(0x90 | items);
  } else {
    big_endian(items < 65536 ? 0xdc : 0xdd, items, items < 65536 ? 2 : 4);
  }
  return *this;
}

Packer& Packer::str(std::string_view text) {
  const size_t n = text.size();
  if (n < 32) {
    bytes_ += static_cast<char>(0xa0 | n);
  } else if (n < 256) {
    big_endian(0xd9, n, 1);
  } else {
    big_endian(n < 65536 ? 0xda : 0xdb, n, n < 65536 ? 2 : 4);
  }
  bytes_ += text;
  return *this;
}

Packer& Packer::integer(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  if (value >= -32 && value < 128) {
    bytes_ += static_cast<char>(value);
  } else if (value >= 0) {
    if (bits <= 0xff) {
      big_endian(0xcc, bits, 1);
    } else if (bits <= 0xffff) {
      big_endian(0xcd, bits, 2);
    } else {
      big_endian(bits <= 0xffffffff ? 0xce : 0xcf, bits, bits <= 0xffffffff ? 4 : 8);
    }
  } else if (value >= std::numeric_limits<int32_t>::min()) {
    big_endian(0xd2, bits & 0xffffffff, 4);
  } else {
    big_endian(0xd3, bits, 8);
  }
  return *this;
}

Packer& Packer::real(double value) {
  big_endian(0xcb, std::bit_cast<uint64_t>(value), 8);
  return *this;
}

const Value* Value::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name == key) return &value;
  return nullptr;
}

namespace {

constexpr int kMaxDepth = 8;
constexpr int kMaxItems = 4096;

struct Reader {
  const uint8_t* at;
  const uint8_t* end;
  int items = 0;
  const char* reason = nullptr;

  bool fail(const char* why) {
    reason = why;
    return false;
  }
  bool take(size_t size, uint64_t& value) {
    if (static_cast<size_t>(end - at) < size) return fail("the header ends in the middle of an item");
    value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | *at++;
    return true;
  }
  bool string(size_t size, Value& out) {
    if (static_cast<size_t>(end - at) < size) return fail("a string is longer than the header");
    out.type = Value::Type::string;
    out.string.assign(reinterpret_cast<const char*>(at), size);
    at += size;
    return true;
  }
  bool integer(int64_t value, Value& out) {
    out.type = Value::Type::integer;
    out.integer = value;
    out.real = static_cast<double>(value);
    return true;
  }
  bool real(double value, Value& out) {
    out.type = Value::Type::real;
    out.real = value;
    return true;
  }
  bool array(size_t size, int depth, Value& out) {
    out.type = Value::Type::array;
    if (size > static_cast<size_t>(end - at)) return fail("an array is longer than the header");
    for (size_t i = 0; i < size; ++i)
      if (!item(depth + 1, out.items.emplace_back())) return false;
    return true;
  }
  bool map(size_t size, int depth, Value& out) {
    out.type = Value::Type::map;
    if (size > static_cast<size_t>(end - at) / 2) return fail("a map is longer than the header");
    for (size_t i = 0; i < size; ++i) {
      Value key;
      if (!item(depth + 1, key)) return false;
      if (key.type != Value::Type::string) return fail("a map key is not a string");
      if (out.find(key.string)) return fail("a map has the same key twice");
      if (!item(depth + 1, out.entries.emplace_back(std::move(key.string), Value{}).second)) return false;
    }
    return true;
  }
  bool sized(size_t width, int depth, Value& out, bool (Reader::*read)(size_t, int, Value&)) {
    uint64_t size = 0;
    return take(width, size) && (this->*read)(size, depth, out);
  }
  bool sized_string(size_t width, Value& out) {
    uint64_t size = 0;
    return take(width, size) && string(size, out);
  }
  bool number(uint8_t tag, Value& out);
  bool item(int depth, Value& out);
};

bool Reader::number(uint8_t tag, Value& out) {
  uint64_t bits = 0;
  if (tag == 0xca) return take(4, bits) && real(std::bit_cast<float>(static_cast<uint32_t>(bits)), out);
  if (tag == 0xcb) return take(8, bits) && real(std::bit_cast<double>(bits), out);
  const size_t width = size_t{1} << ((tag - 0xcc) & 3);
  if (!take(width, bits)) return false;
  if (tag <= 0xcf) {
    constexpr uint64_t largest = std::numeric_limits<int64_t>::max();
    return integer(static_cast<int64_t>(bits < largest ? bits : largest), out);
  }
  const int unused = 64 - 8 * static_cast<int>(width);
  return integer(static_cast<int64_t>(bits << unused) >> unused, out);
}

bool Reader::item(int depth, Value& out) {
  if (depth > kMaxDepth) return fail("the header is nested deeper than 8 levels");
  if (++items > kMaxItems) return fail("the header has more than 4096 items");
  uint64_t tag = 0;
  if (!take(1, tag)) return false;
  if (tag < 0x80) return integer(static_cast<int64_t>(tag), out);
  if (tag < 0x90) return map(tag & 15, depth, out);
  if (tag < 0xa0) return array(tag & 15, depth, out);
  if (tag < 0xc0) return string(tag & 31, out);
  if (tag >= 0xe0) return integer(static_cast<int8_t>(tag), out);
  switch (tag) {
    case 0xc0:
      return true;
    case 0xc2:
    case 0xc3:
      integer(tag & 1, out);
      out.type = Value::Type::boolean;
      return true;
    case 0xc4:
    case 0xd9:
      return sized_string(1, out);
    case 0xc5:
    case 0xda:
      return sized_string(2, out);
    case 0xc6:
    case 0xdb:
      return sized_string(4, out);
    case 0xdc:
      return sized(2, depth, out, &Reader::array);
    case 0xdd:
      return sized(4, depth, out, &Reader::array);
    case 0xde:
      return sized(2, depth, out, &Reader::map);
    case 0xdf:
      return sized(4, depth, out, &Reader::map);
    default:
      break;
  }
  if (tag >= 0xca && tag <= 0xd3) return number(static_cast<uint8_t>(tag), out);
  return fail("the header has an extension type");
}

}  // namespace

bool unpack(const uint8_t* data, size_t size, Value& out, std::string& reason) {
  Reader reader{data, data + size};
  out = Value{};
  bool good = reader.item(1, out);
  if (good && reader.at != reader.end) good = reader.fail("bytes follow the header");
  if (!good) reason = reader.reason;
  return good;
}

}  // namespace gaussitu::client
