// What the coder knows about a Gaussian before it reads its parameters: the nearest ones already coded.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "quantize/quantised_model.hpp"

namespace gaussitu {

inline constexpr int kNeighbours = 4;
inline constexpr size_t kNeighbourWindow = 64;

/// The kNeighbours nearest of the kNeighbourWindow Gaussians before `i` in payload order, by the squared
/// distance of their cells' indices; of equals the later one. `cells`: [count] by axis, filled up to i.
/// Needs i >= kNeighbours.
std::array<size_t, kNeighbours> nearest_before(const std::vector<std::array<uint32_t, 3>>& cells, size_t i);

}  // namespace gaussitu
