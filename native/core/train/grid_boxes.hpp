// Placement on a whole grid (docs/model.md): boxes of samples instead of lists of them.
#pragma once
#include <array>
#include <functional>

#include "sample/sample_set.hpp"

namespace gaussitu {

struct GridBox {
  std::array<size_t, 3> lo, hi;  // samples lo to hi - 1 along each axis
  double value;                  // their mean, scaled
};

/// Whether samples are a grid of which none is missing.
bool whole_grid(const SampleSet& samples);

/// Splits a whole grid into `count` boxes, at most one per sample: across the longest side where importance
/// (importance.hpp) halves. make(i, box) is called once for each i below count, from several threads.
void split_grid(const SampleSet& samples, size_t count,
                const std::function<void(size_t, const GridBox&)>& make);

}  // namespace gaussitu
