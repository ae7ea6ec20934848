// A part of a field's samples, spread evenly: enough to train a model of few Gaussians on.
#pragma once
#include <span>

#include "sample/sample_set.hpp"

namespace gaussitu {

/// About `wanted` samples. Of a grid in columns (`all` from make_samples) every s-th along each axis, s a
/// power of two that leaves four along every axis that has so many; of other samples one in each run of near
/// neighbours. Positions only: no values, weight 1.
SampleSet every_few(const SampleSet& all, size_t wanted);

/// Gives samples the values of `field` [total], in the order of the mesh without ghosts, scaled so that
/// `least` becomes 0 and `most` 1; NaN and infinities get weight 0.
template <class T>
void set_values(SampleSet& samples, std::span<const T> field, double least, double most);

}  // namespace gaussitu
