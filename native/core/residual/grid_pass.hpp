// The order in which a structured block is decoded: level by level, axis by axis, as in multi-level
// interpolation (Zhao et al., SZ3). At stride s = 2h all points at multiples of s are known; the pass along
// axis d adds the points whose index along d is an odd multiple of h, along axes before d any multiple of h,
// along axes after d any multiple of s.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gaussitu {

struct GridShape {
  std::array<int64_t, 3> dims{1, 1, 1};  // x fastest
  size_t stride(int axis) const {
    return axis == 0 ? 1 : axis == 1 ? size_t(dims[0]) : size_t(dims[0]) * size_t(dims[1]);
  }
  size_t size() const { return size_t(dims[0]) * size_t(dims[1]) * size_t(dims[2]); }
};

struct GridPass {
  int axis = 0;
  int64_t half = 1;                        // h
  std::array<int64_t, 3> start{}, step{};  // targets: start + i * step
  std::array<int64_t, 3> count{};
  std::array<int64_t, 3> known{};  // spacing of known points along each axis (s along `axis`)
  size_t targets() const { return size_t(count[0]) * size_t(count[1]) * size_t(count[2]); }
};

/// Stride of the coarsest points, which are coded first: the largest power of two up to 32 below the longest
/// axis.
int64_t coarsest_stride(const GridShape& shape);

/// All passes, coarse to fine. Together with the coarsest points they visit every point once.
std::vector<GridPass> grid_passes(const GridShape& shape);

}  // namespace gaussitu
