// The stage in front of the residual coder that turns a point-wise relative bound, |x - x^| <= E |x|, into an
// absolute one: y = log2|x| is coded within `bound` and decodes to |x^| = 2^(y^ + shift). With
//   bound = (log2(1 + E) - log2(1 - E)) / 2,
//   shift = (log2(1 + E) + log2(1 - E)) / 2 = 1 - log2(2^bound + 2^-bound),
// |y^ - y| <= bound is |x^| / |x| in [1 - E, 1 + E], all of it. The bound is narrowed a little so that no
// rounding on the way, of y, of 2^y, of the value to its own type, leads out of it.
//   Values that are referred to come as log2|x^| - shift = y^. Signs are a mask of their own. Zeros have no
// logarithm and are special values (residual/specials.hpp). Logarithm and power have the same bits on every
// machine (log_rows.isa.cpp).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/array.hpp"
#include "residual/grid_pass.hpp"

namespace gaussitu {

struct LogBound {
  double bound = 0;        // of y; 0: the values cannot be told apart this finely, store them exactly
  bool as_double = false;  // y is coded in f64 (always of f64 fields; of f32 fields when E is tiny)
};

/// For values that are all normal numbers where not skipped; 0 < relative < 1. `skip` [n] may be null.
template <class T>
LogBound log_bound(std::span<const T> values, const uint8_t* skip, double relative);

/// The shift that belongs to a bound: what the decoder computes from the stream.
double log_shift(double bound);

/// [n] to [n]: log2|x| - shift of every value. Zeros and subnormal numbers have the logarithm of the value
/// before them (the first: of 1), so that they do not stand out where another field refers to them.
template <class C, class T>
std::vector<C> to_log(std::span<const T> values, double shift);

/// Back, with the signs of `negative` [n].
template <class T, class C>
Array<T> from_log(std::span<const C> y, const std::vector<uint8_t>& negative, double shift);

/// [n] 1 where a value is below zero and not skipped.
template <class T>
std::vector<uint8_t> signs_of(std::span<const T> values, const uint8_t* skip);

/// The mask in x-fastest order; contexts are the signs of neighbours and of `before` (the last step's values;
/// may be null). Empty when no value is negative.
template <class T>
std::vector<uint8_t> encode_signs(const GridShape& shape, const std::vector<uint8_t>& negative,
                                  const uint8_t* skip, const T* before);
template <class T>
std::vector<uint8_t> decode_signs(const GridShape& shape, std::span<const uint8_t> bytes, const uint8_t* skip,
                                  const T* before);

}  // namespace gaussitu
