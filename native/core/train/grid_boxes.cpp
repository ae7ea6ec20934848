#include "train/grid_boxes.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/array.hpp"
#include "base/thread_pool.hpp"
#include "train/importance.hpp"

namespace gaussitu {
namespace {

struct Node {
  GridBox box;
  size_t first, count;  // Gaussians
};

size_t samples_in(const GridBox& b) {
  return (b.hi[0] - b.lo[0]) * (b.hi[1] - b.lo[1]) * (b.hi[2] - b.lo[2]);
}

// Values in the order of the array, and the sums of importance over all boxes that begin at the first sample:
// the mass of any box is a combination of eight of them.
class Grid {
 public:
  explicit Grid(const SampleSet& s) {
    for (size_t k = 0; k < 3; k++) n_[k] = static_cast<size_t>(s.domain.extent[k]) + 1;
    value_ = Array<float>(s.total);
    parallel_for(s.tiles.size(), [&](size_t t) {
      for (size_t k = s.tiles[t].begin; k < s.tiles[t].begin + s.tiles[t].count; k++)
        if (s.source[k] != kNoSource) value_[s.source[k]] = s.value[k];
    });
    sum_up();
  }

  size_t side(int axis) const { return n_[axis]; }

  double mass(const GridBox& b) const {
    const auto plane = [&](size_t z) {
      return at(b.hi[0], b.hi[1], z) - at(b.lo[0], b.hi[1], z) - at(b.hi[0], b.lo[1], z) +
             at(b.lo[0], b.lo[1], z);
    };
    return plane(b.hi[2]) - plane(b.lo[2]);
  }

  double mean_value(const GridBox& b) const {
    double sum = 0;
    for (size_t z = b.lo[2]; z < b.hi[2]; z++)
      for (size_t y = b.lo[1]; y < b.hi[1]; y++)
        for (size_t x = b.lo[0]; x < b.hi[0]; x++) sum += value_[(z * n_[1] + y) * n_[0] + x];
    return sum / static_cast<double>(samples_in(b));
  }

 private:
  double at(size_t x, size_t y, size_t z) const { return sums_[(z * (n_[1] + 1) + y) * (n_[0] + 1) + x]; }

  // Lengths of the gradients of a row, central differences, one-sided at the grid's faces.
  void slopes(size_t y, size_t z, float* out) const {
    const auto row = [&](size_t j, size_t k) { return &value_[(k * n_[1] + j) * n_[0]]; };
    const float* here = row(y, z);
    const size_t y0 = y > 0 ? y - 1 : y, y1 = std::min(y + 1, n_[1] - 1);
    const size_t z0 = z > 0 ? z - 1 : z, z1 = std::min(z + 1, n_[2] - 1);
    const float *south = row(y0, z), *north = row(y1, z), *below = row(y, z0), *above = row(y, z1);
    const float per_y = y1 - y0 == 2 ? 0.5f : 1.0f, per_z = z1 - z0 == 2 ? 0.5f : 1.0f;
    const auto slope = [&](size_t x, float along) {
      const float dy = per_y * (north[x] - south[x]), dz = per_z * (above[x] - below[x]);
      return power_5_8(std::sqrt(along * along + dy * dy + dz * dz));
    };
    const size_t last = n_[0] - 1;
    for (size_t x = 1; x < last; x++) out[x] = slope(x, 0.5f * (here[x + 1] - here[x - 1]));
    out[0] = slope(0, here[std::min<size_t>(1, last)] - here[0]);
    if (last > 0) out[last] = slope(last, here[last] - here[last - 1]);
  }

  void sum_up() {
    const size_t row = n_[0] + 1, plane = row * (n_[1] + 1);
    sums_ = zeros<double>(plane * (n_[2] + 1));
    Array<float> slope(value_.size());
    std::vector<double> totals(n_[2]);
    parallel_for(n_[2], [&](size_t z) {
      for (size_t y = 0; y < n_[1]; y++) {
        float* out = &slope[(z * n_[1] + y) * n_[0]];
        slopes(y, z, out);
        for (size_t x = 0; x < n_[0]; x++) totals[z] += out[x];
      }
    });
    double total = 0;
    for (const double t : totals) total += t;
    const Mixture mix(total / static_cast<double>(value_.size()));
    parallel_for(n_[2], [&](size_t z) {
      double* out = &sums_[(z + 1) * plane];
      for (size_t y = 0; y < n_[1]; y++) {
        double along = 0;
        for (size_t x = 0; x < n_[0]; x++) {
          along += mix.of(slope[(z * n_[1] + y) * n_[0] + x]);
          out[(y + 1) * row + x + 1] = out[y * row + x + 1] + along;
        }
      }
    });
    parallel_for(n_[1], [&](size_t y) {
      for (size_t z = 1; z < n_[2]; z++)
        for (size_t k = (y + 1) * row; k < (y + 2) * row; k++)
          sums_[(z + 1) * plane + k] += sums_[z * plane + k];
    });
  }

  size_t n_[3];
  Array<float> value_;
  Array<double> sums_;  // [n + 1 along each axis]
};

// Cuts a node with more than one Gaussian in two.
void halve(const Grid& grid, const Node& n, Node& a, Node& b) {
  int axis = 0;
  for (int k = 1; k < 3; k++)
    if (n.box.hi[k] - n.box.lo[k] > n.box.hi[axis] - n.box.lo[axis]) axis = k;
  a = b = n;
  const double total = grid.mass(n.box);
  const auto left = [&](size_t plane) {
    a.box.hi[axis] = plane;
    return grid.mass(a.box);
  };
  // The first plane with half the mass before it, or the one before that.
  size_t low = n.box.lo[axis] + 1, high = n.box.hi[axis] - 1;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (left(middle) * 2 >= total)
      high = middle;
    else
      low = middle + 1;
  }
  double mass = left(low);
  if (low > n.box.lo[axis] + 1 && total / 2 - left(low - 1) < std::fabs(mass - total / 2)) mass = left(--low);
  a.box.hi[axis] = b.box.lo[axis] = low;
  const size_t most = std::min(n.count - 1, samples_in(a.box)), others = samples_in(b.box);
  const size_t least = std::max<size_t>(1, n.count > others ? n.count - others : 0);
  a.count =
      std::clamp(static_cast<size_t>(std::llround(static_cast<double>(n.count) * mass / total)), least, most);
  b.first = n.first + a.count;
  b.count = n.count - a.count;
}

}  // namespace

bool whole_grid(const SampleSet& s) {
  return s.columns && s.finite == s.total && s.total > 0;
}

void split_grid(const SampleSet& samples, size_t count,
                const std::function<void(size_t, const GridBox&)>& make) {
  const Grid grid(samples);
  std::vector<Node> nodes{{{{0, 0, 0}, {grid.side(0), grid.side(1), grid.side(2)}, 0}, 0, count}};
  const auto descend = [&](const auto& self, Node n) -> void {
    if (n.count == 1) {
      n.box.value = grid.mean_value(n.box);
      return make(n.first, n.box);
    }
    Node a, b;
    halve(grid, n, a, b);
    self(self, a);
    self(self, b);
  };
  while (nodes.size() < 64 && nodes.size() * 2 < count) {
    std::vector<Node> next;
    for (const Node& n : nodes) {
      next.push_back(n);
      if (n.count == 1) continue;
      next.emplace_back();
      Node& b = next.back();
      halve(grid, n, *(next.end() - 2), b);
    }
    if (next.size() == nodes.size()) break;
    nodes = std::move(next);
  }
  parallel_for(nodes.size(), [&](size_t i) { descend(descend, nodes[i]); });
}

}  // namespace gaussitu
