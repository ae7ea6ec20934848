// Stable radix sort of pairs by a small key, four bits a pass.
#pragma once
#include "device_array.hpp"

namespace gaussitu::cuda {

class Sorter {
 public:
  explicit Sorter(Memory& memory)
      : counts_(memory),
        sums_(memory),
        keys_{DeviceArray<uint32_t>(memory), DeviceArray<uint32_t>(memory)},
        values_{DeviceArray<uint32_t>(memory), DeviceArray<uint32_t>(memory)} {}

  /// Makes room for this many pairs.
  void reserve(size_t capacity);
  void release();
  /// Sorts the first *n (a number on the device, at most the capacity) of keys and values, keys < 2^bits.
  /// The input is left as it is.
  void sort(const uint32_t* keys, const uint32_t* values, const uint32_t* n, int bits, Stream& stream);
  /// The result of the last sort().
  const uint32_t* keys() const { return keys_[last_].data(); }
  const uint32_t* values() const { return values_[last_].data(); }

 private:
  DeviceArray<uint32_t> counts_, sums_, keys_[2], values_[2];
  int last_ = 0;
};

}  // namespace gaussitu::cuda
