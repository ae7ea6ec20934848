// Features and predictions of one pass, a run of targets at a time.
#pragma once
#include <span>
#include <vector>

#include "residual/features.hpp"
#include "residual/fit.hpp"
#include "residual/grid_session.hpp"
#include "residual/pass_rows.hpp"

namespace gaussitu {

template <class T>
class PassPredictor {
 public:
  /// `values`: the block's decoded values so far; both it and the references must outlive this.
  PassPredictor(const GridShape& shape, const GridPass& pass, const T* values,
                std::span<const Reference> references);

  size_t feature_count() const { return features_.size(); }
  /// Weights used where learned ones do not pay.
  PassWeights default_weights(bool border) const;
  const GridPass& pass() const { return rows_.pass(); }
  const PassRows& rows() const { return rows_; }

  /// Features in use and where they read; for one thread.
  class Stencil {
   public:
    /// `weights` null: all features.
    Stencil(const PassPredictor& predictor, const PassWeights* weights);
    /// The same by places, for a device.
    GridStencil<T> places() const;
    /// out [count]: the predictions of a run.
    void predict(const PassRows::Place& at, size_t count, T* out);
    /// out [features + 1, count]: the features of a run, then the mean of the two nearest.
    void features(const PassRows::Place& at, size_t count, T* out);

   private:
    RowStencil<T> at(const PassRows::Place& place);
    struct Source {
      const T* array;
      PassTap tap;
      uint32_t index;  // of the array among the predictor's
    };
    const PassRows& rows_;
    std::vector<Source> sources_;
    std::vector<RowTap<T>> taps_;
    std::vector<RowFeature<T>> features_;
    size_t array_count_ = 0;
  };

 private:
  PassTap place(const Tap& tap) const;

  PassRows rows_;
  std::vector<const T*> arrays_;
  std::vector<bool> same_;
  std::vector<Feature> features_;
};

}  // namespace gaussitu
