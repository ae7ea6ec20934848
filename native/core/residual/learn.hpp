// The weights of a pass from a sample of its targets.
#pragma once
#include <array>

#include "residual/pass_predictor.hpp"

namespace gaussitu {

using PairOfWeights = std::array<PassWeights, 2>;  // of the interior, of the border

/// `source` [points]: what is being coded; `skip` [points] or null: points to leave out; `bin`: quantiser
/// bin.
template <class T>
PairOfWeights learn_weights(const PassPredictor<T>& predictor, const T* source, const uint8_t* skip,
                            double bin);

}  // namespace gaussitu
