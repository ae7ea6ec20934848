// Runs of targets of one row, and the border: the last targets along a pass's axis that have a neighbour on
// one side only. They have weights of their own: few as they are, their errors would rule everyone's.
#pragma once
#include <algorithm>
#include <cstdint>

#include "residual/grid_pass.hpp"

namespace gaussitu {

/// A run of `count` targets along axis 0; x, y, z count targets of the pass, not points.
struct Segment {
  int64_t x = 0, y = 0, z = 0;
  size_t count = 0;
};

inline size_t row_count(const GridPass& pass) {
  return size_t(pass.count[1]) * size_t(pass.count[2]);
}

inline bool has_border(const GridShape& shape, const GridPass& pass) {
  const auto d = size_t(pass.axis);
  return pass.start[d] + (pass.count[d] - 1) * pass.step[d] + pass.half >= shape.dims[d];
}

inline bool is_border(const GridShape& shape, const GridPass& pass, const Segment& at) {
  const int64_t target[3] = {at.x, at.y, at.z};
  const auto d = size_t(pass.axis);
  return target[d] == pass.count[d] - 1 && has_border(shape, pass);
}

/// Targets in the border, and outside of it.
inline size_t border_targets(const GridShape& shape, const GridPass& pass) {
  return has_border(shape, pass) ? pass.targets() / size_t(pass.count[size_t(pass.axis)]) : 0;
}

/// The run of at most `limit` targets from target x of a row that does not mix border and interior.
inline Segment segment_at(const GridShape& shape, const GridPass& pass, int64_t x, size_t row, size_t limit) {
  Segment at{x, int64_t(row) % pass.count[1], int64_t(row) / pass.count[1], 0};
  int64_t end = pass.count[0];
  if (pass.axis == 0 && has_border(shape, pass) && x < end - 1) end--;
  at.count = std::min(limit, size_t(end - x));
  return at;
}

}  // namespace gaussitu
