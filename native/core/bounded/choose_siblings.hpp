// Which fields of the same step help to predict this one: a cheap rule, on a subsample, before coding.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace gaussitu {

/// Indices of the candidates to use, at most `most`, best first. All arrays are [n], in array order.
///
/// What a predictor has to add is detail: how a value differs from the mean of the two at distance h. The
/// rule takes the smallest h in {1, 2, 4, ...} whose detail is above the bound, samples it at up to 4096
/// places, and adds candidates to a least-squares fit of it, after the earlier steps, as long as one takes at
/// least a tenth off the squares that remain.
template <class T>
std::vector<size_t> choose_siblings(std::span<const T> values, const uint8_t* skip, double bound,
                                    std::span<const std::span<const T>> earlier,
                                    std::span<const std::span<const T>> candidates, size_t most);

}  // namespace gaussitu
