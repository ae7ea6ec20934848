// Where a run of targets finds its neighbours in memory.
#pragma once
#include <algorithm>
#include <array>

#include "residual/row_kernels.hpp"
#include "residual/segments.hpp"

namespace gaussitu {

/// A neighbour of every target of a pass, `offset` points away, clamped to points [0, last] along each axis.
struct PassTap {
  std::array<int64_t, 3> offset, last;
  int64_t ahead;  // in memory, without the offset along x
};

class PassRows {
 public:
  PassRows(const GridShape& shape, const GridPass& pass) : shape_(shape), pass_(pass) {
    for (size_t k = 0; k < 3; k++) {
      reach_[k] = k == static_cast<size_t>(pass.axis) ? 3 * pass.half : pass.known[k];
      last_[k] = (shape.dims[k] - 1) / pass.known[k] * pass.known[k];
    }
  }

  /// `known`: spacing of the points that exist along each axis (1: all of them). No farther than 3h along the
  /// pass's axis and the spacing of known points along the others.
  PassTap tap(const std::array<int64_t, 3>& offset, const std::array<int64_t, 3>& known) const {
    PassTap t{offset, {}, 0};
    for (size_t k = 0; k < 3; k++) t.last[k] = (shape_.dims[k] - 1) / known[k] * known[k];
    for (int k = 1; k < 3; k++) t.ahead += offset[static_cast<size_t>(k)] * stride(k);
    return t;
  }

  /// What the taps of one run have in common.
  struct Place {
    std::array<int64_t, 3> point;  // the first target's
    int64_t row;                   // of the target in memory
    bool inside;                   // no tap is clamped along y or z
  };
  Place place(const Segment& at) const {
    const int64_t target[3] = {at.x, at.y, at.z};
    Place p{{}, 0, true};
    for (size_t k = 0; k < 3; k++) {
      p.point[k] = pass_.start[k] + target[k] * pass_.step[k];
      if (k == 0) continue;
      p.row += p.point[k] * stride(static_cast<int>(k));
      p.inside = p.inside && p.point[k] >= reach_[k] && p.point[k] + reach_[k] <= last_[k];
    }
    return p;
  }
  /// Index of the first target in the block.
  static size_t index(const Place& at) { return static_cast<size_t>(at.row + at.point[0]); }

  template <class V>
  RowTap<V> row(const V* array, const PassTap& tap, const Place& at) const {
    int64_t row = at.row + tap.ahead;
    if (!at.inside) {
      row = 0;
      for (size_t k = 1; k < 3; k++)
        row += std::clamp<int64_t>(at.point[k] + tap.offset[k], 0, tap.last[k]) * stride(static_cast<int>(k));
    }
    return {array + row, at.point[0] + tap.offset[0], 0, tap.last[0]};
  }

  const GridPass& pass() const { return pass_; }
  const GridShape& shape() const { return shape_; }

 private:
  int64_t stride(int k) const { return static_cast<int64_t>(shape_.stride(k)); }

  GridShape shape_;
  GridPass pass_;
  std::array<int64_t, 3> reach_{}, last_{};
};

}  // namespace gaussitu
