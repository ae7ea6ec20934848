// A grid seen one eighth at a time: every second sample along each axis, beginning at one of the eight
// corners of a cell of the grid. Training takes another eighth each time: together they are the whole field
// (docs/model.md).
#pragma once
#include <vector>

#include "sample/sample_set.hpp"

namespace gaussitu {

class Eighths {
 public:
  /// Of a grid in columns, which is borrowed.
  explicit Eighths(const SampleSet& grid);

  /// Takes the eighth that begins at `corner`: bits 0, 1, 2 shift it by one sample along x, y, z.
  void select(unsigned corner);

  /// The eighth that is selected, corner 0 at first. Its unit is two samples, so a model moves there and back
  /// exactly (to_eighths, to_grid); values are scaled, and the mean is, as in the whole grid.
  const SampleSet& samples() const { return part_; }

  static void to_eighths(Model& model) { stretch(model, 0.5f); }
  static void to_grid(Model& model) { stretch(model, 2.0f); }

 private:
  static void stretch(Model& model, float factor);

  const SampleSet& grid_;
  SampleSet part_;
  size_t dims_[3];
  size_t blocks_[3], block_[3];   // tiles of the grid along each axis, and their sizes
  std::vector<uint32_t> tiles_;   // [blocks] the grid's tile of each block, x fastest
  std::vector<uint32_t> finite_;  // [tiles of the part]
};

}  // namespace gaussitu
