// Samples: the (position, value) pairs a model is trained on and measured against, cut into tiles for the
// kernels.
#pragma once
#include <cstdint>
#include <vector>

#include "base/array.hpp"
#include "base/views.hpp"
#include "model/model.hpp"

namespace gaussitu {

inline constexpr uint32_t kNoSource = 0xffffffffu;

/// A compact group of samples; `begin` and `count` are multiples of 16 (the kernels' lane count).
struct Tile {
  uint32_t begin = 0, count = 0;
  float lo[3], hi[3];         // bounding box of its samples, model units
  uint32_t n[3] = {0, 0, 0};  // columns: samples per axis
  bool whole = false;         // no sample of it has another weight than 1
};

struct SampleSet {
  Domain domain;
  double value_min = 0, value_range = 0;  // of the finite values
  float mean = 0.5f;                      // scaled mean of the finite values
  size_t total = 0;                       // values in the field without ghosts: the length of a decoded array
  size_t finite = 0;                      // samples with weight above 0
  size_t measured = 0;                    // of them, values of the field: the others lie inside cells
  Array<float> x, y, z;                   // [padded] model units
  Array<float> value;                     // [padded] scaled to [0, 1]
  /// [padded] 1; kBetween for points inside cells; 0 for padding and non-finite values; below 0 outside the
  /// domain: there the model's coverage counts as an error, times -weight.
  Array<float> weight;
  Array<uint32_t> source;   // [padded] index in the array without ghosts; kNoSource for padding
  std::vector<Tile> tiles;  // in Morton order
  /// The kernels' fast path, for grids: a tile's samples are one apart, and sixteen lanes are a patch of
  /// lanes_y x 16 / lanes_y samples of equal x. Lanes run along y first, then steps along x, then columns of
  /// patches along y, then z.
  bool columns = false;
  uint32_t lanes_y = 4;
  float shift[3] = {0, 0, 0};   // columns: the first sample of a tile is that far from its lo (eighths.hpp)
  std::vector<float> boxes[6];  // scattered: centres and half sizes of each 16 samples' box, model units

  /// Index of sample (i, j, k) of a columns tile.
  uint32_t at(const Tile& tile, uint32_t i, uint32_t j, uint32_t k) const {
    const uint32_t lanes_z = 16 / lanes_y, across = (tile.n[1] + lanes_y - 1) / lanes_y;
    const uint32_t column = k / lanes_z * across + j / lanes_y;
    return tile.begin + (column * tile.n[0] + i) * 16 + k % lanes_z * lanes_y + j % lanes_y;
  }
};

/// Weight of points inside cells: what the array itself says counts four times as much (weights are squared).
inline constexpr float kBetween = 0.5f;
/// Weight of samples outside the domain: a coverage of 0.3 there is as bad as an error of 0.3 %.
inline constexpr float kOutside = -0.01f;

/// Samples of `values` on `mesh`, and where it has cells points inside and around them (cell_points.hpp); an
/// ArrayView without data gives positions only (value 0, weight 1). Throws invalid_argument when sizes,
/// strides, cell indices or dims do not fit together.
SampleSet make_samples(const MeshView& mesh, Association association, const ArrayView& values);

}  // namespace gaussitu
