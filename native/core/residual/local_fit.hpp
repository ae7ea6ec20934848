// The local linear fit around a point: what its neighbours say about the value there, and about the slopes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace gaussitu {

/// Weights of the neighbours, to be summed with their values.
struct LocalFit {
  float* value;     // [neighbours] sum 1: the value at the point
  float* slope[3];  // [neighbours] sum 0: the change along x, y, z over the neighbours' spread there
};

/// Least squares of a + g . x around `point`, weighted by `weights` [neighbours] (sum 1). Offsets are
/// measured in their own root mean square per axis, and slopes damped, so that neighbours in a plane or on a
/// line do no harm. `coordinates` [points, 3]; at most 16 neighbours.
void fit_locally(std::span<const double> coordinates, uint32_t point, std::span<const uint32_t> neighbours,
                 const float* weights, const LocalFit& out);

}  // namespace gaussitu
