#include "quantize/lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gaussitu {

Lattice Lattice::of(const Model& model) {
  Lattice lattice;
  const size_t n = model.count();
  if (n == 0) return lattice;
  for (int k = 0; k < 3; ++k) {
    const auto [lo, hi] = std::minmax_element(model.mu[k].begin(), model.mu[k].end());
    const auto extent = static_cast<float>(model.domain.extent[k]);
    if (*lo >= 0 && *hi <= extent) {  // the usual case, and in few bytes
      lattice.size[k] = extent;
      continue;
    }
    lattice.lo[k] = *lo;
    lattice.size[k] = *hi > *lo ? std::nextafter(*hi - *lo, INFINITY) : 0.0f;
  }
  const int want = std::min(kMaxBits, static_cast<int>(std::bit_width(n)) + 3);
  while (lattice.total_bits() < want) {
    int longest = -1;
    for (int k = 0; k < 3; ++k)
      if (lattice.size[k] > 0 && lattice.bits[k] < 20 &&
          (longest < 0 || lattice.edge(k) > lattice.edge(longest)))
        longest = k;
    if (longest < 0) break;
    ++lattice.bits[longest];
  }
  return lattice;
}

uint32_t Lattice::max_divisions(int axis) const {
  if (!(size[axis] > 0)) return 1;
  const double reach = std::max(std::fabs(static_cast<double>(lo[axis])),
                                std::fabs(static_cast<double>(lo[axis]) + size[axis]));
  const double most = edge(axis) / reach * (1 << 19);  // 16 units in the last place of an f32
  return most >= kMaxDivisions ? kMaxDivisions : most >= 1 ? static_cast<uint32_t>(most) : 1;
}

template <class Visit>
void Lattice::each_bit(Visit visit) const {
  std::array<int, 3> used{0, 0, 0};
  for (int i = total_bits(); i > 0; --i) {
    int longest = -1;
    double length = 0;
    for (int k = 0; k < 3; ++k) {
      const double edge = static_cast<double>(size[k]) / (1u << used[k]);
      if (used[k] < bits[k] && (longest < 0 || edge > length)) {
        longest = k;
        length = edge;
      }
    }
    visit(longest, bits[longest] - 1 - used[longest]);
    ++used[longest];
  }
}

uint64_t Lattice::encode(const std::array<uint32_t, 3>& cell) const {
  uint64_t code = 0;
  each_bit([&](int axis, int bit) { code = code << 1 | (cell[axis] >> bit & 1); });
  return code;
}

std::array<uint32_t, 3> Lattice::decode(uint64_t code) const {
  std::array<uint32_t, 3> cell{0, 0, 0};
  int left = total_bits();
  each_bit([&](int axis, int bit) { cell[axis] |= static_cast<uint32_t>(code >> --left & 1) << bit; });
  return cell;
}

uint32_t Lattice::locate(int axis, float position, double& fraction) const {
  const uint32_t last = (1u << bits[axis]) - 1;
  if (!(size[axis] > 0)) {
    fraction = 0;
    return 0;
  }
  const double at = (static_cast<double>(position) - lo[axis]) / edge(axis);
  const double cell = std::clamp(std::floor(at), 0.0, static_cast<double>(last));
  fraction = std::clamp(at - cell, 0.0, std::nextafter(1.0, 0.0));
  return static_cast<uint32_t>(cell);
}

}  // namespace gaussitu
