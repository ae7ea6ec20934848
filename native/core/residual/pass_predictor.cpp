#include "residual/pass_predictor.hpp"

#include <cmath>

namespace gaussitu {

template <class T>
PassPredictor<T>::PassPredictor(const GridShape& shape, const GridPass& pass, const T* values,
                                std::span<const Reference> references)
    : rows_(shape, pass), arrays_{values} {
  for (const Reference& r : references) {
    arrays_.push_back(static_cast<const T*>(r.data));
    same_.push_back(r.same_quantity);
  }
  features_ = pass_features(shape, pass, same_);
}

template <class T>
PassTap PassPredictor<T>::place(const Tap& tap) const {
  // References are known everywhere, but a pair along the axis must be clamped as the block's own is.
  std::array<int64_t, 3> known = pass().known;
  if (tap.array != 0) {
    const auto d = static_cast<size_t>(pass().axis);
    known = {1, 1, 1};
    if (tap.offset[d] != 0) known[d] = pass().known[d];
  }
  return rows_.tap(tap.offset, known);
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

template <class T>
PassPredictor<T>::Stencil::Stencil(const PassPredictor& predictor, const PassWeights* weights)
    : rows_(predictor.rows_) {
  const auto& all = predictor.features_;
  const auto used = [&](size_t j) { return weights == nullptr || weights->steps[j] != 0; };
  std::vector<int> index(predictor.arrays_.size(), -1);  // of the arrays in use
  const auto use = [&](int array) {
    int& i = index[static_cast<size_t>(array)];
    if (i >= 0) return;
    i = static_cast<int>(array_count_++);
    for (const int64_t side : {-predictor.pass().half, predictor.pass().half}) {
      Tap tap{array, {0, 0, 0}};
      tap.offset[static_cast<size_t>(predictor.pass().axis)] = side;
      sources_.push_back({predictor.arrays_[static_cast<size_t>(array)], predictor.place(tap),
                          static_cast<uint32_t>(array)});
    }
  };
  use(0);
  for (size_t j = 0; j < all.size(); j++)
    if (used(j)) use(all[j].minus);
  for (size_t j = 0; j < all.size(); j++) {
    if (!used(j)) continue;
    for (const Tap& tap : all[j].taps)
      sources_.push_back({predictor.arrays_[static_cast<size_t>(tap.array)], predictor.place(tap),
                          static_cast<uint32_t>(tap.array)});
    const double w = weights ? std::ldexp(static_cast<double>(weights->steps[j]), -weights->shift) : 0;
    features_.push_back({static_cast<T>(w), T(1) / static_cast<T>(all[j].taps.size()),
                         static_cast<uint32_t>(index[static_cast<size_t>(all[j].minus)]),
                         static_cast<uint32_t>(sources_.size())});
  }
  taps_.resize(sources_.size());
}

template <class T>
RowStencil<T> PassPredictor<T>::Stencil::at(const PassRows::Place& place) {
  for (size_t t = 0; t < taps_.size(); t++) taps_[t] = rows_.row(sources_[t].array, sources_[t].tap, place);
  return {rows_.pass().step[0], taps_.data(), taps_.size(), array_count_, features_.data(), features_.size()};
}

template <class T>
GridStencil<T> PassPredictor<T>::Stencil::places() const {
  GridStencil<T> out{{}, features_, static_cast<uint32_t>(array_count_)};
  for (const Source& source : sources_) {
    auto& tap = out.taps.emplace_back();
    tap.array = source.index;
    for (size_t k = 0; k < 3; k++) {
      tap.offset[k] = static_cast<int32_t>(source.tap.offset[k]);
      tap.last[k] = static_cast<int32_t>(source.tap.last[k]);
    }
  }
  return out;
}

template <class T>
void PassPredictor<T>::Stencil::predict(const PassRows::Place& place, size_t count, T* out) {
  GAUSSITU_ROW(predict_row, out, at(place), count);
}

template <class T>
void PassPredictor<T>::Stencil::features(const PassRows::Place& place, size_t count, T* out) {
  GAUSSITU_ROW(feature_rows, out, at(place), count);
}

template class PassPredictor<float>;
template class PassPredictor<double>;

}  // namespace gaussitu
