// Fields that hold multiples of one number (integers kept as floats, quantised measurements): coding on that
// lattice is exact, and far shorter once the bound is near its spacing.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gaussitu {

/// Spacing d such that every value that is not skipped is exactly T(k * d), when that is worth using at this
/// bound (d > bound / 2); 0 otherwise.
template <class T>
double find_lattice(const T* values, const uint8_t* skip, size_t count, double bound);

}  // namespace gaussitu
