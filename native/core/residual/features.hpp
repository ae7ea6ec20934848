// What a pass can predict a point from: sums of known values around it, written as differences from the mean
// of the two nearest known points, so that a prediction is
//
//   p = ref + sum_j w_j F_j,     ref = (rec[-h] + rec[+h]) / 2 along the pass's axis
//
// and weights need no constant and few bits. Own neighbours: the pair at 3h and the diagonals. A reference
// array (a decoded earlier step, a decoded sibling field, the Gaussian model) is known everywhere: its
// centre, pairs and diagonals, each minus its own mean of the two nearest; for an array of the same quantity
// also how far its mean is from ours.
#pragma once
#include <cstdint>
#include <vector>

#include "residual/grid_pass.hpp"

namespace gaussitu {

/// An array the decoder has too, of the block's shape.
struct Reference {
  const void* data = nullptr;           // values in the field's type
  const uint8_t* magnitudes = nullptr;  // code magnitudes of that array, when it is an earlier step; or null
  bool same_quantity = false;           // an earlier step or a model of this field, not a sibling
};

/// One neighbour: offset in points; `known` limits clamp it to points that are already decoded.
struct Tap {
  int array;                      // 0: this block's own decoded values; 1...: references
  std::array<int64_t, 3> offset;  // in points
};

struct Feature {
  std::vector<Tap> taps;  // mean of these, minus the mean of the two nearest of the same array
  int minus = 0;          // the array whose two nearest are subtracted
};

/// The features of a pass, in stream order. `same[i]`: reference i is of the same quantity.
std::vector<Feature> pass_features(const GridShape& shape, const GridPass& pass,
                                   const std::vector<bool>& same);

}  // namespace gaussitu
