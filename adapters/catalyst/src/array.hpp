// Arrays of the simulation, wherever and however they lie: any number type, stride, offset, alignment, byte
// order. A view points at them; reading goes by memcpy, value by value.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gaussitu.h"

namespace gaussitu::catalyst {

struct ArrayView {
  gaussitu_dtype dtype = GAUSSITU_F64;
  const uint8_t* first = nullptr;  // value 0
  int64_t count = 0;
  int64_t stride = 0;                          // bytes from one value to the next
  bool swap = false;                           // other byte order than this machine's
  std::shared_ptr<std::vector<uint8_t>> copy;  // owner, when `first` points at our copy of device memory
};

int64_t dtype_bytes(gaussitu_dtype dtype);
inline bool is_float(gaussitu_dtype dtype) {
  return dtype == GAUSSITU_F32 || dtype == GAUSSITU_F64;
}

/// Refuses a view whose memory cannot be read; fetches device memory. `what` begins the sentence.
void make_readable(ArrayView& view, const std::string& what);

/// Which values of an array to take, in which order: a box in an array of more dimensions.
struct Pick {
  int64_t dims[3] = {1, 1, 1};
  int64_t offset = 0;              // values
  int64_t strides[3] = {1, 1, 1};  // values
  int64_t count() const { return dims[0] * dims[1] * dims[2]; }
  int64_t reach() const;  // values that the array must have; refuses negative ones
};

/// Values in this machine's order, one after the other: the simulation's own memory when it lies so, else a
/// copy.
struct Packed {
  const void* data = nullptr;
  gaussitu_dtype dtype = GAUSSITU_F64;
  int64_t count = 0;
  int32_t components = 1;
  std::vector<uint8_t> own;
};

/// The components side by side: [count, components]. All must have one count; different number types become
/// f64.
Packed pack(const std::vector<ArrayView>& components, const Pick* pick = nullptr);

/// Value `i` as an integer or a double. The caller keeps 0 <= i < count.
int64_t integer_at(const ArrayView& view, int64_t i);
double real_at(const ArrayView& view, int64_t i);
/// All as integers of type T (int32_t, int64_t); refuses values that do not fit, and floats.
template <class T>
std::vector<T> integers(const ArrayView& view, const std::string& what);

/// 64 bits that tell contents apart; not for adversaries. Continues from `seed`.
uint64_t hash(uint64_t seed, const ArrayView& view);
uint64_t hash(uint64_t seed, const void* data, size_t bytes);

}  // namespace gaussitu::catalyst
