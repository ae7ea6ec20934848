// Values between the order of the caller's array and that of the coder.
#pragma once
#include <span>
#include <variant>
#include <vector>

#include "base/views.hpp"
#include "bounded/layout.hpp"

namespace gaussitu {

/// Whether the view's values are already what gather() makes of them, and can be read where they are.
template <class T>
bool lies_in_order(const Layout& layout, const ArrayView& values);

/// The view's values without ghost layers, in the layout's order. Throws invalid_argument when the count of
/// the view does not fit.
template <class T>
std::vector<T> gather(const Layout& layout, const ArrayView& values);

/// Array order to the layout's order, and back; for all but lattices just a copy.
template <class T>
std::vector<T> to_layout(const Layout& layout, std::span<const T> values) {
  if (layout.order.empty()) return {values.begin(), values.end()};
  std::vector<T> out(values.size());
  for (size_t i = 0; i < out.size(); i++) out[i] = values[layout.order[i]];
  return out;
}
template <class Values>
Values from_layout(const Layout& layout, Values values) {
  if (layout.order.empty() || values.empty()) return values;
  Values out(values.size());
  for (size_t i = 0; i < out.size(); i++) out[layout.order[i]] = values[i];
  return out;
}

}  // namespace gaussitu
