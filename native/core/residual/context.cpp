#include "residual/context.hpp"

#include <algorithm>
#include <array>

#include "residual/pass_predictor.hpp"

namespace gaussitu {

namespace {

constexpr int kContextFloor[kContexts] = {0,   1,   2,   3,   6,   9,   14,   20,   30,   43,   62,   89,
                                          127, 180, 256, 363, 513, 727, 1029, 1456, 2060, 2914, 4121, 5829};

}  // namespace

int context_of(int sum) {
  static const auto table = [] {
    std::array<uint8_t, kContextFloor[kContexts - 1] + 1> t{};
    int k = 0;
    for (size_t s = 0; s < t.size(); s++) {
      while (k + 1 < kContexts && int(s) >= kContextFloor[k + 1]) k++;
      t[s] = uint8_t(k);
    }
    return t;
  }();
  return table[std::min(size_t(sum), table.size() - 1)];
}

void context_sums(const GridShape& shape, const GridPass& pass, const uint8_t* magnitudes,
                  std::span<const Reference> references, const Segment& at, size_t first_row,
                  uint16_t* sums) {
  constexpr std::array<int64_t, 3> everywhere{1, 1, 1};
  std::fill_n(sums, at.count, uint16_t{0});
  auto add = [&](const uint8_t* from, const std::array<int64_t, 3>& offset,
                 const std::array<int64_t, 3>& known, uint16_t weight) {
    size_t row = 0;
    const RowView view = view_row(shape, pass, at, offset, known, row);
    GAUSSITU_ROW(add_magnitudes, sums, from + row, view, weight, at.count);
  };
  const auto d = size_t(pass.axis);
  for (const int64_t side : {-pass.half, pass.half}) {
    std::array<int64_t, 3> offset{0, 0, 0};
    offset[d] = side;
    add(magnitudes, offset, pass.known, 4);
    for (size_t k = 0; k < 3; k++) {
      if (k == d || shape.dims[k] <= pass.known[k]) continue;
      for (const int64_t t : {-pass.known[k], pass.known[k]}) {
        auto diagonal = offset;
        diagonal[k] = t;
        add(magnitudes, diagonal, pass.known, 1);
      }
    }
  }
  // Targets (dx, dy, dz) away in rows of this pass that were coded before, in the same chunk.
  auto earlier = [&](int64_t dx, int64_t dy, int64_t dz, uint16_t weight) {
    Segment moved = at;
    moved.y += dy;
    moved.z += dz;
    if (moved.y < 0 || moved.y >= pass.count[1] || moved.z < 0) return;
    if (size_t(moved.z * pass.count[1] + moved.y) < first_row) return;
    size_t row = 0;
    RowView view = view_row(shape, pass, moved, {dx * pass.step[0], 0, 0}, everywhere, row);
    // Only targets of this pass: clamped to their first and last.
    view.last = pass.start[0] + (pass.count[0] - 1) * pass.step[0];
    if (view.first < 0) view.first += pass.step[0];
    GAUSSITU_ROW(add_magnitudes, sums, magnitudes + row, view, weight, at.count);
  };
  earlier(0, -1, 0, 6);
  earlier(-1, -1, 0, 3);
  earlier(1, -1, 0, 3);
  earlier(0, 0, -1, 6);
  earlier(1, 0, -1, 3);
  earlier(0, 1, -1, 3);
  for (const Reference& r : references)
    if (r.magnitudes != nullptr) add(r.magnitudes, {0, 0, 0}, everywhere, 16);
}

}  // namespace gaussitu
