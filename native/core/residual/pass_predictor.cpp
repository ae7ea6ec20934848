#include "residual/pass_predictor.hpp"

#include <algorithm>
#include <cmath>

namespace gaussitu {

RowView view_row(const GridShape& shape, const GridPass& pass, const Segment& at,
                 const std::array<int64_t, 3>& offset, const std::array<int64_t, 3>& known, size_t& row) {
  const int64_t target[3] = {at.x, at.y, at.z};
  row = 0;
  RowView view{};
  for (size_t k = 0; k < 3; k++) {
    const int64_t last = (shape.dims[k] - 1) / known[k] * known[k];
    const int64_t point = pass.start[k] + target[k] * pass.step[k] + offset[k];
    if (k == 0) {
      view = {point, pass.step[0], last};
    } else {
      row += static_cast<size_t>(std::clamp<int64_t>(point, 0, last)) * shape.stride(static_cast<int>(k));
    }
  }
  return view;
}

template <class T>
PassPredictor<T>::PassPredictor(const GridShape& shape, const GridPass& pass, const T* values,
                                std::span<const Reference> references)
    : shape_(shape), pass_(pass), arrays_{values} {
  for (const Reference& r : references) {
    arrays_.push_back(static_cast<const T*>(r.data));
    same_.push_back(r.same_quantity);
  }
  features_ = pass_features(shape, pass, same_);
}

template <class T>
size_t PassPredictor<T>::index(const Segment& at) const {
  const int64_t target[3] = {at.x, at.y, at.z};
  size_t i = 0;
  for (size_t k = 0; k < 3; k++)
    i += static_cast<size_t>(pass_.start[k] + target[k] * pass_.step[k]) * shape_.stride(static_cast<int>(k));
  return i;
}

template <class T>
void PassPredictor<T>::add_tap(const Segment& at, const Tap& tap, T* out) const {
  size_t row = 0;
  // References are known everywhere, but a pair along the axis must be clamped as the block's own is.
  std::array<int64_t, 3> known = pass_.known;
  if (tap.array != 0) {
    const auto d = static_cast<size_t>(pass_.axis);
    known = {1, 1, 1};
    if (tap.offset[d] != 0) known[d] = pass_.known[d];
  }
  const RowView view = view_row(shape_, pass_, at, tap.offset, known, row);
  GAUSSITU_ROW(add_row, out, arrays_[static_cast<size_t>(tap.array)] + row, view, at.count);
}

template <class T>
void PassPredictor<T>::features(const Segment& at, const PassWeights* wanted, PassScratch<T>& scratch) const {
  auto used = [&](size_t j) { return wanted == nullptr || wanted->steps[j] != 0; };
  scratch.near.resize(arrays_.size());
  scratch.features.resize(features_.size());
  std::vector<bool> need(arrays_.size(), false);
  need[0] = true;
  for (size_t j = 0; j < features_.size(); j++)
    if (used(j)) need[static_cast<size_t>(features_[j].minus)] = true;

  for (size_t a = 0; a < arrays_.size(); a++) {
    if (!need[a]) continue;
    auto& near = scratch.near[a];
    near.assign(kSegment, T{0});
    for (int64_t side : {-pass_.half, pass_.half}) {
      Tap tap{static_cast<int>(a), {0, 0, 0}};
      tap.offset[static_cast<size_t>(pass_.axis)] = side;
      add_tap(at, tap, near.data());
    }
    GAUSSITU_ROW(finish_feature, near.data(), T(0.5), static_cast<const T*>(nullptr), at.count);
  }
  for (size_t j = 0; j < features_.size(); j++) {
    if (!used(j)) continue;
    auto& out = scratch.features[j];
    out.assign(kSegment, T{0});
    for (const Tap& tap : features_[j].taps) add_tap(at, tap, out.data());
    GAUSSITU_ROW(finish_feature, out.data(), T(1) / static_cast<T>(features_[j].taps.size()),
                 static_cast<const T*>(scratch.near[static_cast<size_t>(features_[j].minus)].data()),
                 at.count);
  }
}

template <class T>
void PassPredictor<T>::predict(const Segment& at, const PassWeights& weights, PassScratch<T>& scratch) const {
  features(at, &weights, scratch);
  scratch.prediction = scratch.near[0];
  for (size_t j = 0; j < features_.size(); j++) {
    if (weights.steps[j] == 0) continue;
    const T w = static_cast<T>(std::ldexp(static_cast<double>(weights.steps[j]), -weights.shift));
    GAUSSITU_ROW(add_weighted, scratch.prediction.data(), w, scratch.features[j].data(), at.count);
  }
}

template <class T>
PassWeights PassPredictor<T>::default_weights(bool border) const {
  PassWeights weights;
  weights.shift = 3;
  weights.steps.assign(features_.size(), 0);
  // What changed since the earlier step, interpolated; without one, cubic interpolation.
  for (size_t j = 0; j < features_.size(); j++) {
    const Tap& first = features_[j].taps[0];
    const bool centre = features_[j].taps.size() == 1;
    if (centre && same_[static_cast<size_t>(first.array - 1)]) {
      weights.steps[j] = 8;
      return weights;
    }
  }
  weights.steps[0] =
      border ? -8 : -1;  // at a border the pair at 3h reads (rec[-3h] + rec[-h]) / 2: a straight line
  return weights;
}

template class PassPredictor<float>;
template class PassPredictor<double>;

}  // namespace gaussitu
