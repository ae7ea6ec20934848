#include "residual/scattered.hpp"

#include <memory>

#include "residual/value_lattice.hpp"

namespace gaussitu {

namespace {

constexpr size_t kDirect = 6;           // nearest neighbours that are features of their own,
constexpr size_t kReferenceDirect = 4;  // and of a reference
constexpr size_t kSlopes = 3;
constexpr size_t kFitTargets = 1 << 14;
constexpr size_t kRun = 16;

/// Features of a target, in stream order, and the base they are differences from: the weighted mean
/// of its neighbours. Own values: the local linear fit and the nearest neighbours, minus the mean. A
/// reference: its value at the target, its linear fit and its nearest neighbours, minus its own mean, and its
/// slopes (what is carried along changes by them); of the same quantity also how far its mean is from ours.
template <class T>
class ScatteredPredictor {
 public:
  ScatteredPredictor(const NeighbourPlan& plan, const T* values, std::span<const Reference> references)
      : plan_(plan), arrays_{values} {
    count_ = 1 + kDirect;
    for (const Reference& r : references) {
      arrays_.push_back(static_cast<const T*>(r.data));
      same_.push_back(r.same_quantity);
      count_ += 2 + kReferenceDirect + kSlopes + (r.same_quantity ? 1 : 0);
    }
  }

  size_t feature_count() const { return count_; }

  /// `at`: position in the decoding order. Fills `out` [feature_count()], returns the base.
  T features(size_t at, T* out) const {
    const uint32_t* near = &plan_.neighbours[at * kNeighbours];
    const float* mean_weights = &plan_.mean[at * kNeighbours];
    const float* linear = &plan_.linear[at * kNeighbours];
    T base{0};
    size_t next = 0;
    for (size_t a = 0; a < arrays_.size(); a++) {
      T values[kNeighbours], mean{0}, fit{0};
      for (size_t j = 0; j < kNeighbours; j++) {
        values[j] = arrays_[a][near[j]];
        mean += static_cast<T>(mean_weights[j]) * values[j];
        fit += static_cast<T>(linear[j]) * values[j];
      }
      if (a == 0) {
        base = mean;
      } else {
        out[next++] = arrays_[a][plan_.order[at]] - mean;
        if (same_[a - 1]) out[next++] = mean - base;
      }
      out[next++] = fit - mean;
      for (size_t j = 0; j < (a == 0 ? kDirect : kReferenceDirect); j++) out[next++] = values[j] - mean;
      if (a == 0) continue;
      for (const auto& slope : plan_.slope) {
        T sum{0};
        for (size_t j = 0; j < kNeighbours; j++)
          sum += static_cast<T>(slope[at * kNeighbours + j]) * values[j];
        out[next++] = sum;
      }
    }
    return base;
  }

  PassWeights default_weights() const {
    PassWeights weights;
    weights.shift = 1;
    weights.steps.assign(count_, 0);
    size_t next = 1 + kDirect;
    for (const bool same : same_) {
      if (same) {
        weights.steps[next] = weights.steps[next + 1] = 2;  // the earlier step's value
        return weights;
      }
      next += 2 + kReferenceDirect + kSlopes;
    }
    weights.steps[0] = 1;  // half way from the mean to the linear fit
    return weights;
  }

 private:
  const NeighbourPlan& plan_;
  std::vector<const T*> arrays_;
  std::vector<bool> same_;
  size_t count_ = 0;
};

template <class T>
class ScatteredCoder : private ResidualCoder<T> {
  using Base = ResidualCoder<T>;
  using Base::header_, Base::out_, Base::references_, Base::skip_, Base::skipped;

 public:
  ScatteredCoder(const NeighbourPlan& plan, const uint8_t* skip, std::span<const Reference> references,
                 DecodedBlock<T>& out)
      : Base(plan.order.size(), skip, references, out),
        plan_(plan),
        predictor_(plan, out.values.data(), references),
        levels_(plan.levels.size() - 1) {}

  std::vector<uint8_t> encode(const T* values, double bound) {
    source_ = values;
    return Base::write_stream({bound, find_lattice(values, skip_, plan_.order.size(), bound)},
                              [this](BulkEncoder& coder) { run(coder); });
  }

  void decode(std::span<const uint8_t> bytes) {
    size_t parts = 1;
    for (size_t level = 1; level < levels_; level++) {
      const size_t chunks = Base::chunk_count(targets(level), targets(level));
      if (chunks > 1) parts += chunks;
    }
    Base::read_stream(bytes, parts, [this](BulkDecoder& coder) { run(coder); });
  }

 private:
  size_t targets(size_t level) const { return plan_.levels[level + 1] - plan_.levels[level]; }

  /// Levels are of any size here: one finer step of the quantiser each time the points double in each
  /// direction.
  Quantiser quantiser(size_t level) const {
    int coarser = 0;
    for (size_t all = plan_.order.size(); all / 8 >= plan_.levels[level + 1]; all /= 8) coarser++;
    return header_.quantiser(coarser);
  }

  template <class Coder>
  void run(Coder& coder) {
    if (levels_ == 0) return;
    code_coarsest(coder);
    PassWeights fallback = predictor_.default_weights();
    for (size_t level = 1; level < levels_; level++) {
      PassWeights weights;
      if constexpr (!Coder::kDecoding) weights = learn(level, fallback);
      Base::code_weights(coder, 0, predictor_.feature_count(), fallback, weights);
      predict(level, weights);
      Base::code_level(coder, targets(level), targets(level),
                       [&](auto& own, CodeModels& models, size_t first, size_t last) {
                         code_targets(own, models, quantiser(level), plan_.levels[level], first, last);
                       });
      fallback = weights;
      fallback.learned = false;
    }
  }

  template <class Coder>
  void code_coarsest(Coder& coder) {
    CodeModels models;
    const auto earlier = std::find_if(references_.begin(), references_.end(),
                                      [](const Reference& r) { return r.same_quantity; });
    T last{0};
    for (size_t at = 0; at < plan_.levels[1]; at++) {
      const size_t i = plan_.order[at];
      const T p = earlier != references_.end() ? static_cast<const T*>(earlier->data)[i] : last;
      Base::code_point(coder, models, 0, quantiser(0), source_, i, p);
      last = out_.values[i];
    }
  }

  PassWeights learn(size_t level, const PassWeights& fallback) {
    const size_t n = predictor_.feature_count();
    NormalEquations equations(n);
    std::vector<T> features(n);
    const size_t begin = plan_.levels[level], end = plan_.levels[level + 1];
    const size_t every = std::max<size_t>(1, (end - begin) / kFitTargets) * kRun;
    uint32_t random = 1;
    for (size_t run = begin; run < end; run += every) {
      random = random * 1664525u + 1013904223u;
      const size_t first = run + (every > kRun ? (random >> 8) % (every - kRun + 1) : 0);
      for (size_t at = first; at < std::min(end, first + kRun); at++) {
        const size_t i = plan_.order[at];
        if (skipped(i)) continue;
        double* sample = equations.next();
        sample[n] = static_cast<double>(source_[i] - predictor_.features(at, features.data()));
        std::copy(features.begin(), features.end(), sample);
      }
    }
    equations.flush();
    return fit_weights(equations, end - begin, quantiser(level).bin, fallback);
  }

  uint16_t context_sum(size_t at) const {
    const uint32_t* near = &plan_.neighbours[at * kNeighbours];
    int sum = 0;
    for (size_t j = 0; j < kNeighbours; j++) sum += (j < 2 ? 4 : j < 4 ? 2 : 1) * out_.magnitudes[near[j]];
    for (const Reference& r : references_)
      if (r.magnitudes != nullptr) sum += 16 * r.magnitudes[plan_.order[at]];
    return static_cast<uint16_t>(sum);
  }

  /// Predictions of a level draw on earlier levels only: all at once, in parallel.
  void predict(size_t level, const PassWeights& weights) {
    const size_t begin = plan_.levels[level], count = targets(level);
    predictions_.resize(std::max(predictions_.size(), count));
    std::vector<T> w(predictor_.feature_count());
    for (size_t j = 0; j < w.size(); j++)
      w[j] = static_cast<T>(std::ldexp(static_cast<double>(weights.steps[j]), -weights.shift));
    constexpr size_t kShare = 4096;
    parallel_for((count + kShare - 1) / kShare, [&](size_t share) {
      std::vector<T> features(w.size());
      for (size_t i = share * kShare; i < std::min(count, (share + 1) * kShare); i++) {
        T p = predictor_.features(begin + i, features.data());
        for (size_t j = 0; j < w.size(); j++)
          if (weights.steps[j] != 0) p += w[j] * features[j];
        predictions_[i] = p;
      }
    });
  }

  /// Targets [first, last) of the level that starts at `begin` in the order.
  template <class Coder>
  void code_targets(Coder& coder, CodeModels& models, const Quantiser& quantiser, size_t begin, size_t first,
                    size_t last) {
    auto run = std::make_unique_for_overwrite<typename Base::Run>();
    for (size_t batch = first; batch < last; batch += Base::Run::kMost) {
      const size_t count = std::min(Base::Run::kMost, last - batch);
      const uint32_t* points = &plan_.order[begin + batch];
      for (size_t i = 0; i < count; i++) {
        const T p = run->prediction[i] = predictions_[batch + i];
        run->sums[i] = context_sum(begin + batch + i);
        run->skip[i] = skipped(points[i]);
        if constexpr (!Coder::kDecoding) run->source[i] = run->skip[i] ? p : source_[points[i]];
      }
      Base::code_run(coder, models, quantiser, count, *run);
      for (size_t i = 0; i < count; i++) {
        out_.values[points[i]] = run->value[i];
        out_.magnitudes[points[i]] = run->magnitude[i];
      }
    }
  }

  const NeighbourPlan& plan_;
  const ScatteredPredictor<T> predictor_;
  const size_t levels_;
  const T* source_ = nullptr;   // encoding
  std::vector<T> predictions_;  // of the level under way
};

}  // namespace

template <class T>
std::vector<uint8_t> encode_scattered(const NeighbourPlan& plan, const T* values, const uint8_t* skip,
                                      double bound, std::span<const Reference> references,
                                      DecodedBlock<T>& decoded) {
  return ScatteredCoder<T>(plan, skip, references, decoded).encode(values, bound);
}

template <class T>
void decode_scattered(const NeighbourPlan& plan, std::span<const uint8_t> bytes, const uint8_t* skip,
                      std::span<const Reference> references, DecodedBlock<T>& decoded) {
  ScatteredCoder<T>(plan, skip, references, decoded).decode(bytes);
}

#define GAUSSITU_INSTANCES(T)                                                                            \
  template std::vector<uint8_t> encode_scattered(const NeighbourPlan&, const T*, const uint8_t*, double, \
                                                 std::span<const Reference>, DecodedBlock<T>&);          \
  template void decode_scattered(const NeighbourPlan&, std::span<const uint8_t>, const uint8_t*,         \
                                 std::span<const Reference>, DecodedBlock<T>&);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
