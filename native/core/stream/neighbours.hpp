// What the coder knows about a Gaussian before it reads its parameters: the nearest ones already coded.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "quantize/quantised_model.hpp"

namespace gaussitu {

inline constexpr int kNeighbours = 4;
inline constexpr size_t kNeighbourWindow = 64;

/// The kNeighbours nearest of those coded before Gaussian `i`, visited with stride `s` (detail_order.hpp), by
/// the squared distance of their cells' indices, of equals the one that is met first: up to kNeighbourWindow
/// / 2 before it in payload order, from the nearest on, then as many after it. `cells`: [count] by axis.
/// Needs kNeighbours that are coded.
std::array<size_t, kNeighbours> nearest_before(const std::vector<std::array<uint32_t, 3>>& cells, size_t i,
                                               size_t s);

}  // namespace gaussitu
