// The order in which Gaussians are coded: from a few to all. Those that come first lie evenly among the
// others along the Morton curve, so that what was coded so far is a coarser model of the whole field.
#pragma once
#include <bit>
#include <cstddef>

namespace gaussitu {

/// Calls visit(i, s) for every i below n: 0, then the odd multiples of s in ascending order, for s from the
/// largest power of two below n down to 1. Before i come i - s, and i + s where that is below n (for 0, with
/// s from n on: none).
template <class Visit>
void from_coarse_to_fine(size_t n, const Visit& visit) {
  if (n == 0) return;
  size_t s = std::bit_ceil(n);
  visit(size_t{0}, s);
  for (s /= 2; s > 0; s /= 2)
    for (size_t i = s; i < n; i += 2 * s) visit(i, s);
}

}  // namespace gaussitu
