#include "residual/grid_pass.hpp"

#include <algorithm>

namespace gaussitu {

int64_t coarsest_stride(const GridShape& shape) {
  const int64_t longest = *std::max_element(shape.dims.begin(), shape.dims.end());
  int64_t stride = 1;
  while (stride < 32 && stride * 2 < longest) stride *= 2;
  return stride;
}

std::vector<GridPass> grid_passes(const GridShape& shape) {
  std::vector<GridPass> passes;
  for (int64_t s = coarsest_stride(shape); s > 1; s /= 2) {
    const int64_t h = s / 2;
    for (int axis = 0; axis < 3; axis++) {
      GridPass pass;
      pass.axis = axis;
      pass.half = h;
      for (int k = 0; k < 3; k++) {
        pass.start[k] = k == axis ? h : 0;
        pass.step[k] = k < axis ? h : s;
        pass.known[k] = k < axis ? h : s;
        const int64_t left = shape.dims[k] - pass.start[k];
        pass.count[k] = left > 0 ? (left + pass.step[k] - 1) / pass.step[k] : 0;
      }
      if (pass.targets() > 0) passes.push_back(pass);
    }
  }
  return passes;
}

}  // namespace gaussitu
