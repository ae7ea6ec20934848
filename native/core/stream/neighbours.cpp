#include "stream/neighbours.hpp"

namespace gaussitu {

std::array<size_t, kNeighbours> nearest_before(const std::vector<std::array<uint32_t, 3>>& cells, size_t i) {
  std::array<size_t, kNeighbours> best{};
  std::array<uint64_t, kNeighbours> best_distance;
  best_distance.fill(UINT64_MAX);
  const size_t first = i > kNeighbourWindow ? i - kNeighbourWindow : 0;
  for (size_t j = i; j-- > first;) {
    uint64_t distance = 0;
    for (int k = 0; k < 3; ++k) {
      const int64_t d = static_cast<int64_t>(cells[j][k]) - cells[i][k];
      distance += static_cast<uint64_t>(d * d);
    }
    if (distance >= best_distance.back()) continue;
    int at = kNeighbours - 1;
    for (; at > 0 && distance < best_distance[at - 1]; --at) {
      best_distance[at] = best_distance[at - 1];
      best[at] = best[at - 1];
    }
    best_distance[at] = distance;
    best[at] = j;
  }
  return best;
}

}  // namespace gaussitu
