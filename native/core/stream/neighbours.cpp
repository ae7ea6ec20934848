#include "stream/neighbours.hpp"

namespace gaussitu {

std::array<size_t, kNeighbours> nearest_before(const std::vector<std::array<uint32_t, 3>>& cells, size_t i,
                                               size_t s) {
  std::array<size_t, kNeighbours> best{};
  std::array<uint64_t, kNeighbours> best_distance;
  best_distance.fill(UINT64_MAX);
  const auto consider = [&](size_t j) {
    uint64_t distance = 0;
    for (int k = 0; k < 3; ++k) {
      const int64_t d = static_cast<int64_t>(cells[j][k]) - cells[i][k];
      distance += static_cast<uint64_t>(d * d);
    }
    if (distance >= best_distance.back()) return;
    int at = kNeighbours - 1;
    for (; at > 0 && distance < best_distance[at - 1]; --at) {
      best_distance[at] = best_distance[at - 1];
      best[at] = best[at - 1];
    }
    best_distance[at] = distance;
    best[at] = j;
  };
  constexpr size_t kEach = kNeighbourWindow / 2;
  for (size_t j = i, n = 0; j >= s && n < kEach; ++n) consider(j -= s);
  for (size_t j = i + s, n = 0; j < cells.size() && n < kEach; ++n, j += 2 * s) consider(j);
  return best;
}

}  // namespace gaussitu
