// Features and predictions of one pass, a segment of a row at a time.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "residual/features.hpp"
#include "residual/fit.hpp"
#include "residual/row_kernels.hpp"
#include "residual/segments.hpp"

namespace gaussitu {

/// Scratch of one thread.
template <class T>
struct PassScratch {
  std::vector<std::vector<T>> near;      // per array: mean of the two nearest
  std::vector<std::vector<T>> features;  // [features][kSegment]
  std::vector<T> prediction;
};

template <class T>
class PassPredictor {
 public:
  /// `values`: the block's decoded values so far; both it and the references must outlive this.
  PassPredictor(const GridShape& shape, const GridPass& pass, const T* values,
                std::span<const Reference> references);

  size_t feature_count() const { return features_.size(); }
  /// Fills scratch.near[0] and the wanted features (null: all) of a segment.
  void features(const Segment& at, const PassWeights* wanted, PassScratch<T>& scratch) const;
  /// Fills scratch.prediction.
  void predict(const Segment& at, const PassWeights& weights, PassScratch<T>& scratch) const;
  /// Weights used where learned ones do not pay.
  PassWeights default_weights(bool border) const;

  /// Index of a segment's first target in the block.
  size_t index(const Segment& at) const;
  const GridPass& pass() const { return pass_; }

 private:
  void add_tap(const Segment& at, const Tap& tap, T* out) const;

  GridShape shape_;
  GridPass pass_;
  std::vector<const T*> arrays_;
  std::vector<bool> same_;
  std::vector<Feature> features_;
};

/// How a row of targets sees row (y + dy, z + dz) of the block, shifted by dx; known[k] is the spacing of the
/// points that exist along each axis (1: all of them). `row` is the offset of that row's first point.
RowView view_row(const GridShape& shape, const GridPass& pass, const Segment& at,
                 const std::array<int64_t, 3>& offset, const std::array<int64_t, 3>& known, size_t& row);

}  // namespace gaussitu
