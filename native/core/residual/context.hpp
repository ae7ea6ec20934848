// What the size of a code is expected to be: a weighted sum of the magnitudes of codes around it, known to
// the decoder.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "residual/features.hpp"
#include "residual/pass_rows.hpp"
#include "residual/symbols.hpp"

namespace gaussitu {

/// Sums for runs of one pass, without the codes just before in the same row: earlier passes, rows of this
/// pass that come before, earlier steps. For one thread.
class ContextSums {
 public:
  /// `magnitudes` [points] of this block; both it and the references must outlive this.
  ContextSums(const PassRows& rows, const uint8_t* magnitudes, std::span<const Reference> references);
  /// sums [at.count]; rows of this pass before `first_row` are not looked at.
  void add_up(const Segment& at, const PassRows::Place& place, size_t first_row, uint16_t* sums);

 private:
  struct Source {
    const uint8_t* array;
    PassTap tap;
  };
  const PassRows& rows_;
  const uint8_t* magnitudes_;
  std::vector<Source> sources_;
  std::vector<MagnitudeGroup> fixed_;  // groups of sources_
  std::vector<RowTap<uint8_t>> taps_;
  std::vector<MagnitudeGroup> groups_;
};

}  // namespace gaussitu
