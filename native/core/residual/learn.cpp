#include "residual/learn.hpp"

namespace gaussitu {

namespace {

constexpr size_t kFitTargets = 1 << 14;
constexpr size_t kFitBorderTargets = 1 << 14;
constexpr size_t kRun = 16;  // targets sampled together

template <class T>
class Learner {
 public:
  Learner(const GridShape& shape, const PassPredictor<T>& predictor, const T* source, const uint8_t* skip)
      : shape_(shape),
        predictor_(predictor),
        pass_(predictor.pass()),
        source_(source),
        skip_(skip),
        pointers_(predictor.feature_count()),
        target_(kRun),
        left_out_(kRun) {}

  /// Short runs spread over the pass.
  void sample_everywhere() {
    const size_t runs = (size_t(pass_.count[0]) + kRun - 1) / kRun;
    const size_t units = runs * row_count(pass_);
    const size_t every = std::max<size_t>(1, pass_.targets() / kFitTargets);
    uint32_t random = 1;
    for (size_t begin = 0; begin < units; begin += every) {
      // Jittered: an even stride would see the same columns in every row.
      random = random * 1664525u + 1013904223u;
      const size_t unit = std::min(begin + (random >> 8) % every, units - 1);
      add(segment_at(shape_, pass_, int64_t(unit % runs * kRun), unit / runs, kRun));
    }
    complete_ = every == 1;
  }

  /// The border is a layer too thin to be met by chance.
  void sample_border() {
    if (complete_ || !has_border(shape_, pass_)) return;
    equations_[1] = NormalEquations(predictor_.feature_count());
    const size_t every = std::max<size_t>(1, border_targets(shape_, pass_) / kFitBorderTargets);
    size_t met = 0;
    for (size_t row = 0; row < row_count(pass_); row++) {
      for (int64_t x = pass_.axis == 0 ? pass_.count[0] - 1 : 0; x < pass_.count[0]; x += int64_t(kRun)) {
        const Segment at = segment_at(shape_, pass_, x, row, kRun);
        if (!is_border(shape_, pass_, at)) break;
        if (met++ % every == 0) add(at);
      }
    }
  }

  PassWeights fit(bool border, double bin) const {
    const size_t thin = border_targets(shape_, pass_);
    return fit_weights(equations_[border], border ? thin : pass_.targets() - thin, bin,
                       predictor_.default_weights(border));
  }

 private:
  void add(const Segment& at) {
    predictor_.features(at, nullptr, scratch_);
    const size_t first = predictor_.index(at);
    for (size_t i = 0; i < at.count; i++) {
      const size_t p = first + i * size_t(pass_.step[0]);
      left_out_[i] = skip_ != nullptr && skip_[p] != 0;
      target_[i] = left_out_[i] ? T{0} : source_[p] - scratch_.near[0][i];
    }
    for (size_t j = 0; j < pointers_.size(); j++) pointers_[j] = scratch_.features[j].data();
    equations_[is_border(shape_, pass_, at)].add(pointers_.data(), target_.data(), left_out_.data(),
                                                 at.count);
  }

  const GridShape& shape_;
  const PassPredictor<T>& predictor_;
  const GridPass& pass_;
  const T* source_;
  const uint8_t* skip_;
  std::array<NormalEquations, 2> equations_{NormalEquations(predictor_.feature_count()),
                                            NormalEquations(predictor_.feature_count())};
  PassScratch<T> scratch_;
  std::vector<const T*> pointers_;
  std::vector<T> target_;
  std::vector<uint8_t> left_out_;
  bool complete_ = false;
};

}  // namespace

template <class T>
PairOfWeights learn_weights(const GridShape& shape, const PassPredictor<T>& predictor, const T* source,
                            const uint8_t* skip, double bin) {
  Learner<T> learner(shape, predictor, source, skip);
  learner.sample_everywhere();
  learner.sample_border();
  return {learner.fit(false, bin), learner.fit(true, bin)};
}

template PairOfWeights learn_weights(const GridShape&, const PassPredictor<float>&, const float*,
                                     const uint8_t*, double);
template PairOfWeights learn_weights(const GridShape&, const PassPredictor<double>&, const double*,
                                     const uint8_t*, double);

}  // namespace gaussitu
