// Reads elements of a borrowed array of either type and any alignment as double.
#pragma once
#include <cstring>

#include "base/views.hpp"

namespace gaussitu {

inline double element(const ArrayView& a, size_t i) {
  const char* base = static_cast<const char*>(a.data);
  if (a.dtype == Dtype::f32) {
    float v;
    std::memcpy(&v, base + i * a.stride * sizeof v, sizeof v);
    return v;
  }
  double v;
  std::memcpy(&v, base + i * a.stride * sizeof v, sizeof v);
  return v;
}

}  // namespace gaussitu
