// The spatial index of a model: which Gaussians can reach which cells of a uniform grid over its domain.
// Built once per model, in milliseconds; then a point costs one look-up and the few dozen Gaussians of its
// cell.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/array.hpp"
#include "model/model.hpp"
#include "query/query_kernel.hpp"

namespace gaussitu {

/// Holds a copy of the Gaussians. Conservative: a Gaussian that is not in the list of a point's cell has
/// weight exactly 0 there.
class CellIndex {
 public:
  /// The cells are as small as lists of a bounded total length allow: a cell of about the distance between
  /// neighbouring Gaussians, some fifty in a list. They cover the domain and a border around it about as wide
  /// as Gaussians reach; everywhere else is one more cell, the last.
  /// `points`: how many will be asked, as far as known; with few the cells are larger and made faster.
  explicit CellIndex(const Model& model, double points = 1e30);

  /// Cells along an axis, and all of them with the last.
  size_t along(int axis) const { return counts_[axis]; }
  size_t count() const { return counts_[0] * counts_[1] * counts_[2] + 1; }

  /// Cell along an axis of a coordinate in model units; along(axis) where it lies beyond the border.
  size_t at(int axis, float x) const {
    const float c = (x - origin_[axis]) * per_unit_[axis];
    return c >= 0 && c < static_cast<float>(counts_[axis]) ? static_cast<size_t>(c) : counts_[axis];
  }
  size_t cell(size_t i, size_t j, size_t k) const {
    const bool within = i < counts_[0] && j < counts_[1] && k < counts_[2];
    return within ? (k * counts_[1] + j) * counts_[0] + i : count() - 1;
  }

  const PackedGaussian* gaussians() const { return gaussians_.data(); }
  /// The Gaussians of a cell, ascending: the canonical order.
  const uint32_t* begin(size_t cell) const { return items_.data() + starts_[cell]; }
  size_t size(size_t cell) const { return starts_[cell + 1] - starts_[cell]; }
  size_t bytes() const {
    return 4 * items_.size() + 8 * starts_.size() + sizeof(PackedGaussian) * gaussians_.size();
  }

 private:
  std::array<size_t, 3> counts_{1, 1, 1};
  float origin_[3], per_unit_[3];
  Array<PackedGaussian> gaussians_;
  std::vector<uint64_t> starts_;  // [count() + 1]
  Array<uint32_t> items_;
};

}  // namespace gaussitu
