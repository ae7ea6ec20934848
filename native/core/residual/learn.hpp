// The weights of a pass from a sample of its targets.
#pragma once
#include <array>

#include "residual/pass_predictor.hpp"

namespace gaussitu {

using PairOfWeights = std::array<PassWeights, 2>;        // of the interior, of the border
using PairOfEquations = std::array<NormalEquations, 2>;  // likewise

/// Runs of targets that a pass is learned from.
struct LearningRuns {
  std::vector<Segment> everywhere;
  std::vector<Segment> border;  // the border is learned from these; empty: from those of it in `everywhere`
};
LearningRuns learning_runs(const GridShape& shape, const GridPass& pass);

/// Runs in parts whose equations are added up on their own, in the order of runs and targets, and then merged
/// in the order of the parts: the same sums on any number of threads, and on any device.
std::vector<std::span<const Segment>> shares_of(std::span<const Segment> runs);

/// `source` [points]: what is being coded; `skip` [points] or null: points to leave out.
template <class T>
PairOfEquations learning_equations(const PassPredictor<T>& predictor, const LearningRuns& runs,
                                   const T* source, const uint8_t* skip);

/// `bin`: quantiser bin.
template <class T>
PairOfWeights learn_weights(const PassPredictor<T>& predictor, const PairOfEquations& equations, double bin);

}  // namespace gaussitu
