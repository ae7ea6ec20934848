// Values that a bound cannot describe and that come back exactly: NaN, infinities, negative zero, subnormal
// numbers and declared fill values. They are left out of prediction and quantisation; a mask says where they
// are.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "residual/grid_pass.hpp"

namespace gaussitu {

template <class T>
struct Specials {
  std::vector<uint8_t> mask;  // [points] 1 where special; empty when there are none
  std::vector<T> values;      // [number of ones in the mask] in order

  const uint8_t* skip() const { return mask.empty() ? nullptr : mask.data(); }
};

/// `fills`: declared fill values (compared by bits).
template <class T>
Specials<T> find_specials(std::span<const T> values, std::span<const T> fills);

template <class T>
std::vector<uint8_t> encode_specials(const GridShape& shape, const Specials<T>& specials);

/// Throws corrupt_stream.
template <class T>
Specials<T> decode_specials(const GridShape& shape, std::span<const uint8_t> bytes);

/// Writes the special values over `values` [points].
template <class T>
void restore_specials(const Specials<T>& specials, T* values);

}  // namespace gaussitu
