// Cuts samples into tiles: columns for uniform grids, k-d tiles for everything else.
#pragma once
#include <array>
#include <vector>

#include "sample/sample_set.hpp"

namespace gaussitu {

/// Lanes per sample of the best columns for a grid: how many times the work is what it need be.
double column_padding(const std::array<size_t, 3>& dims);

/// Fills positions, weight 1, source and tiles of `out` for grid points at first + (i, j, k); first is whole.
void tile_columns(const std::array<size_t, 3>& dims, const std::array<double, 3>& first, SampleSet& out);

/// The same for any points, model units [n] per axis. Order and tiles depend on the positions alone.
void tile_scattered(const std::array<std::vector<float>, 3>& points, SampleSet& out);

}  // namespace gaussitu
