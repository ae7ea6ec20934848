// Exact nearest neighbours, with ties broken by index so that every machine finds the same ones. (Of more
// points in one place than are asked for, those found first: the tree is the same everywhere.)
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace gaussitu {

struct Neighbour {
  double distance2;
  uint32_t point;
  bool operator<(const Neighbour& o) const {
    return distance2 != o.distance2 ? distance2 < o.distance2 : point < o.point;
  }
};

/// A balanced k-d tree over some of the points. Borrows the coordinates [all points, 3].
class KdTree {
 public:
  KdTree(std::span<const double> coordinates, std::vector<uint32_t> points)
      : xyz_(coordinates), points_(std::move(points)), axis_(points_.size(), 0) {
    build(0, points_.size());
  }

  /// The nearest points to `at` [3], nearest first; at most found.size(); returns how many.
  size_t nearest(const double* at, std::span<Neighbour> found) const {
    size_t count = 0;
    search(0, points_.size(), at, found, count);
    return count;
  }

 private:
  static constexpr size_t kLeaf = 8;

  double coordinate(uint32_t point, int axis) const { return xyz_[3 * size_t{point} + size_t(axis)]; }

  void build(size_t begin, size_t end) {
    if (end - begin <= kLeaf) return;
    double lo[3], hi[3];
    for (int k = 0; k < 3; k++) lo[k] = hi[k] = coordinate(points_[begin], k);
    for (size_t i = begin; i < end; i++)
      for (int k = 0; k < 3; k++) {
        lo[k] = std::min(lo[k], coordinate(points_[i], k));
        hi[k] = std::max(hi[k], coordinate(points_[i], k));
      }
    int axis = 0;
    for (int k = 1; k < 3; k++)
      if (hi[k] - lo[k] > hi[axis] - lo[axis]) axis = k;
    const size_t middle = begin + (end - begin) / 2;
    std::nth_element(points_.begin() + std::ptrdiff_t(begin), points_.begin() + std::ptrdiff_t(middle),
                     points_.begin() + std::ptrdiff_t(end), [&](uint32_t a, uint32_t b) {
                       const double x = coordinate(a, axis), y = coordinate(b, axis);
                       return x != y ? x < y : a < b;
                     });
    axis_[middle] = static_cast<uint8_t>(axis);
    build(begin, middle);
    build(middle + 1, end);
  }

  void offer(uint32_t point, const double* at, std::span<Neighbour> found, size_t& count) const {
    double d2 = 0;
    for (int k = 0; k < 3; k++) {
      const double d = coordinate(point, k) - at[k];
      d2 += d * d;
    }
    const Neighbour candidate{d2, point};
    if (count == found.size() && !(candidate < found[count - 1])) return;
    size_t i = count < found.size() ? count++ : count - 1;
    for (; i > 0 && candidate < found[i - 1]; i--) found[i] = found[i - 1];
    found[i] = candidate;
  }

  void search(size_t begin, size_t end, const double* at, std::span<Neighbour> found, size_t& count) const {
    if (end - begin <= kLeaf) {
      for (size_t i = begin; i < end; i++) offer(points_[i], at, found, count);
      return;
    }
    const size_t middle = begin + (end - begin) / 2;
    const double d = at[axis_[middle]] - coordinate(points_[middle], axis_[middle]);
    const bool left = d < 0;
    search(left ? begin : middle + 1, left ? middle : end, at, found, count);
    offer(points_[middle], at, found, count);
    // With enough points in this very place the rest need not be looked at: there may be very many.
    const double farthest =
        count < found.size() ? std::numeric_limits<double>::infinity() : found[count - 1].distance2;
    if (farthest > 0 && d * d <= farthest)
      search(left ? middle + 1 : begin, left ? end : middle, at, found, count);
  }

  std::span<const double> xyz_;
  std::vector<uint32_t> points_;
  std::vector<uint8_t> axis_;
};

}  // namespace gaussitu
