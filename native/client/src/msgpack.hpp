// The part of msgpack that protocol v1 allows: maps, arrays, strings, bin, integers, floats, booleans, nil.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gaussitu::client {

/// Appends msgpack items to a byte string, in their shortest form.
class Packer {
 public:
  Packer& map(size_t pairs);
  Packer& array(size_t items);
  Packer& str(std::string_view text);
  Packer& integer(int64_t value);
  Packer& real(double value);

  template <class Values>
  Packer& integers(const Values& values) {
    array(std::size(values));
    for (auto v : values) integer(v);
    return *this;
  }
  template <class Values>
  Packer& reals(const Values& values) {
    array(std::size(values));
    for (auto v : values) real(v);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void big_endian(uint8_t tag, uint64_t value, int size);
  std::string bytes_;
};

/// One decoded item. Small and plain: answers of the service have a few dozen of them.
struct Value {
  enum class Type { nil, boolean, integer, real, string, array, map };
  Type type = Type::nil;
  int64_t integer = 0;  // booleans too; a u64 above the range of int64 is clamped to its maximum
  double real = 0;      // also set for integers
  std::string string;   // strings and bin
  std::vector<Value> items;
  std::vector<std::pair<std::string, Value>> entries;

  bool number() const { return type == Type::integer || type == Type::real; }
  /// The entry of a map, or nullptr.
  const Value* find(std::string_view key) const;
};

/// Decodes outside bytes: reads nothing beyond them and allocates in proportion to them. False, with a
/// reason, for anything that protocol v1 does not allow: truncated, trailing bytes, extension types, deeper
/// than 8, more than 4096 items, non-string or duplicate keys.
bool unpack(const uint8_t* data, size_t size, Value& out, std::string& reason);

}  // namespace gaussitu::client
