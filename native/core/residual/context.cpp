#include "residual/context.hpp"

namespace gaussitu {

namespace {

struct Before {
  int64_t dx, dy, dz;  // in targets
  uint16_t weight;
};
constexpr Before kBefore[] = {{0, -1, 0, 6},  {0, 0, -1, 6}, {-1, -1, 0, 3}, {1, -1, 0, 3},
                              {-1, 0, -1, 3}, {1, 0, -1, 3}, {0, -1, -1, 3}, {0, 1, -1, 3}};

}  // namespace

ContextSums::ContextSums(const PassRows& rows, const uint8_t* magnitudes,
                         std::span<const Reference> references)
    : rows_(rows), magnitudes_(magnitudes) {
  const GridPass& pass = rows.pass();
  const auto d = static_cast<size_t>(pass.axis);
  std::vector<std::array<int64_t, 3>> nearest, diagonal;
  for (const int64_t side : {-pass.half, pass.half}) {
    std::array<int64_t, 3> offset{0, 0, 0};
    offset[d] = side;
    nearest.push_back(offset);
    for (size_t k = 0; k < 3; k++) {
      if (k == d || rows.shape().dims[k] <= pass.known[k]) continue;
      for (const int64_t t : {-pass.known[k], pass.known[k]}) {
        diagonal.push_back(offset);
        diagonal.back()[k] = t;
      }
    }
  }
  const auto close = [&](uint16_t weight) {
    fixed_.push_back({weight, static_cast<uint32_t>(sources_.size())});
  };
  for (const auto& offset : nearest) sources_.push_back({magnitudes, rows.tap(offset, pass.known)});
  close(4);
  for (const auto& offset : diagonal) sources_.push_back({magnitudes, rows.tap(offset, pass.known)});
  if (!diagonal.empty()) close(1);
  const size_t own = sources_.size();
  for (const Reference& r : references)
    if (r.magnitudes != nullptr) sources_.push_back({r.magnitudes, rows.tap({0, 0, 0}, {1, 1, 1})});
  if (sources_.size() > own) close(16);
}

void ContextSums::add_up(const Segment& at, const PassRows::Place& place, size_t first_row, uint16_t* sums) {
  const GridPass& pass = rows_.pass();
  taps_.clear();
  groups_ = fixed_;
  for (const Source& s : sources_) taps_.push_back(rows_.row(s.array, s.tap, place));
  for (const Before& b : kBefore) {
    const int64_t y = at.y + b.dy, z = at.z + b.dz;
    if (y < 0 || y >= pass.count[1] || z < 0) continue;
    if (static_cast<size_t>(z * pass.count[1] + y) < first_row) continue;
    int64_t row = place.row;
    row += b.dy * pass.step[1] * static_cast<int64_t>(rows_.shape().stride(1));
    row += b.dz * pass.step[2] * static_cast<int64_t>(rows_.shape().stride(2));
    // Only targets of this pass: clamped to their first and last.
    taps_.push_back({magnitudes_ + row, place.point[0] + b.dx * pass.step[0], pass.start[0],
                     pass.start[0] + (pass.count[0] - 1) * pass.step[0]});
    const auto end = static_cast<uint32_t>(taps_.size());
    if (groups_.back().weight == b.weight)
      groups_.back().end = end;
    else
      groups_.push_back({b.weight, end});
  }
  GAUSSITU_ROW(sum_magnitudes, sums, taps_.data(), taps_.size(), groups_.data(), groups_.size(), pass.step[0],
               at.count);
}

}  // namespace gaussitu
