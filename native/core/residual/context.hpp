// What the size of a code is expected to be: a weighted sum of the magnitudes of codes around it, known to
// the decoder.
#pragma once
#include <span>

#include "residual/features.hpp"
#include "residual/segments.hpp"
#include "residual/symbols.hpp"

namespace gaussitu {

inline constexpr int kLeftWeight = 6;  // of the code just before, in the same row

/// The context [0, kContexts) of a sum: steps of sqrt(2).
int context_of(int sum);

/// Sums for a segment [count], without the code just before each: earlier passes, rows of this pass from
/// `first_row` on that come before, earlier steps. `magnitudes` [points] of this block.
void context_sums(const GridShape& shape, const GridPass& pass, const uint8_t* magnitudes,
                  std::span<const Reference> references, const Segment& at, size_t first_row, uint16_t* sums);

}  // namespace gaussitu
