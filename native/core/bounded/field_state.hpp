// The decoded values of a block at one step, kept as a reference for later steps and sibling fields.
#pragma once
#include <cstdint>
#include <variant>

#include "base/array.hpp"
#include "base/views.hpp"

namespace gaussitu {

struct FieldState {
  using Values = std::variant<Array<float>, Array<double>>;
  /// [values] in the order of the array without ghosts; finite everywhere (special values are not in it).
  Values values;
  Array<uint8_t> magnitudes;  // [values] of the codes, or empty when the block was stored exactly

  size_t size() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
  Dtype dtype() const { return values.index() == 0 ? Dtype::f32 : Dtype::f64; }
  size_t bytes() const {
    return std::visit([](const auto& v) { return v.size() * sizeof(v[0]); }, values) + magnitudes.size();
  }
};

}  // namespace gaussitu
