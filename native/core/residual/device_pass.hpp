// A pass of a structured block that is coded with a device's help.
#pragma once
#include <utility>
#include <vector>

#include "residual/grid_session.hpp"
#include "residual/learn.hpp"

namespace gaussitu {

/// A pass whose equations are added up on a device.
template <class T>
class DevicePass {
 public:
  /// Starts the sums.
  DevicePass(GridSession<T>& session, const GridShape& shape, const GridPass& pass, const uint8_t* skip,
             std::span<const Reference> references)
      : predictor(shape, pass, nullptr, references) {
    const LearningRuns runs = learning_runs(shape, pass);
    for (const auto share : shares_of(runs.everywhere)) add(share, skip);
    if (!runs.border.empty()) {
      own_border_ = lists_.size();
      for (const auto share : shares_of(runs.border)) add(share, skip);
    }
    session.begin_sums(pass, typename PassPredictor<T>::Stencil(predictor, nullptr).places(), lists_);
  }

  /// Waits for them.
  PairOfEquations finish(GridSession<T>& session) const {
    const auto sums = session.finish_sums();
    const auto of = [&](size_t list) {
      return NormalEquations(predictor.feature_count(), lists_[list].size(), sums[list].data());
    };
    PairOfEquations out{of(0), of(own_border_ + 1)};
    const size_t shared = own_border_ > 0 ? own_border_ : lists_.size();
    for (size_t list = 2; list < shared; list += 2) out[0].merge(of(list));
    for (size_t list = own_border_ + 3; list < (own_border_ > 0 ? lists_.size() : shared); list += 2)
      out[1].merge(of(list));
    return out;
  }

  GridStencil<T> stencil(const PassWeights& weights) const {
    return typename PassPredictor<T>::Stencil(predictor, &weights).places();
  }

  const PassPredictor<T> predictor;

 private:
  /// Two lists for a share: its points in the interior, and those in the border.
  void add(std::span<const Segment> share, const uint8_t* skip) {
    const PassRows& rows = predictor.rows();
    const auto step = static_cast<size_t>(rows.pass().step[0]);
    std::vector<uint32_t> lists[2];
    for (const Segment& at : share) {
      auto& own = lists[is_border(rows.shape(), rows.pass(), at)];
      for (size_t i = 0; i < at.count; i++) {
        const size_t p = rows.index(rows.place(at)) + i * step;
        if (skip == nullptr || skip[p] == 0) own.push_back(static_cast<uint32_t>(p));
      }
    }
    for (auto& list : lists) lists_.push_back(std::move(list));
  }

  std::vector<std::vector<uint32_t>> lists_;  // interior and border of each share in turn
  size_t own_border_ = 0;                     // where the lists of runs.border begin; 0: there are none
};

}  // namespace gaussitu
