#include "residual/learn.hpp"

#include <optional>

#include "base/thread_pool.hpp"

namespace gaussitu {

namespace {

constexpr size_t kFitTargets = 1 << 14;
constexpr size_t kRun = 16;                         // targets sampled together
constexpr size_t kShares = 4, kShareRuns = 1 << 5;  // runs are shared out to threads

/// Short runs spread over the pass; the whole pass when it is small.
std::vector<Segment> runs_everywhere(const GridShape& shape, const GridPass& pass, bool& complete) {
  const size_t runs = (static_cast<size_t>(pass.count[0]) + kRun - 1) / kRun;
  const size_t units = runs * row_count(pass);
  const size_t every = std::max<size_t>(1, pass.targets() / kFitTargets);
  complete = every == 1;
  std::vector<Segment> out;
  uint32_t random = 1;
  for (size_t begin = 0; begin < units; begin += every) {
    // Jittered: an even stride would see the same columns in every row.
    random = random * 1664525u + 1013904223u;
    const size_t unit = std::min(begin + (random >> 8) % every, units - 1);
    out.push_back(segment_at(shape, pass, static_cast<int64_t>(unit % runs * kRun), unit / runs, kRun));
  }
  return out;
}

/// The border is a layer too thin to be met by chance.
std::vector<Segment> runs_of_border(const GridShape& shape, const GridPass& pass) {
  std::vector<Segment> out;
  const size_t every = std::max<size_t>(1, border_targets(shape, pass) / kFitTargets);
  size_t met = 0;
  for (size_t row = 0; row < row_count(pass); row++)
    for (int64_t x = pass.axis == 0 ? pass.count[0] - 1 : 0; x < pass.count[0];
         x += static_cast<int64_t>(kRun)) {
      const Segment at = segment_at(shape, pass, x, row, kRun);
      if (!is_border(shape, pass, at)) break;
      if (met++ % every == 0) out.push_back(at);
    }
  return out;
}

template <class T>
PairOfEquations add_up(const PassPredictor<T>& predictor, const T* source, const uint8_t* skip,
                       std::span<const Segment> runs) {
  const PassRows& rows = predictor.rows();
  const size_t n = predictor.feature_count(), step = static_cast<size_t>(rows.pass().step[0]);
  PairOfEquations equations{NormalEquations(n), NormalEquations(n)};
  typename PassPredictor<T>::Stencil stencil(predictor, nullptr);
  std::vector<T> features((n + 1) * kRun);
  for (const Segment& at : runs) {
    const auto place = rows.place(at);
    stencil.features(place, at.count, features.data());
    NormalEquations& own = equations[is_border(rows.shape(), rows.pass(), at)];
    for (size_t i = 0; i < at.count; i++) {
      const size_t p = rows.index(place) + i * step;
      if (skip != nullptr && skip[p] != 0) continue;
      double* sample = own.next();
      for (size_t j = 0; j < n; j++) sample[j] = static_cast<double>(features[j * at.count + i]);
      sample[n] = static_cast<double>(source[p] - features[n * at.count + i]);
    }
  }
  for (NormalEquations& e : equations) e.flush();
  return equations;
}

}  // namespace

LearningRuns learning_runs(const GridShape& shape, const GridPass& pass) {
  bool complete = false;
  LearningRuns runs{runs_everywhere(shape, pass, complete), {}};
  if (!complete && has_border(shape, pass)) runs.border = runs_of_border(shape, pass);
  return runs;
}

std::vector<std::span<const Segment>> shares_of(std::span<const Segment> runs) {
  const size_t shares = std::clamp<size_t>(runs.size() / kShareRuns, 1, kShares);
  std::vector<std::span<const Segment>> out;
  for (size_t s = 0; s < shares; s++) {
    const size_t first = runs.size() * s / shares, last = runs.size() * (s + 1) / shares;
    out.push_back(runs.subspan(first, last - first));
  }
  return out;
}

template <class T>
PairOfEquations learning_equations(const PassPredictor<T>& predictor, const LearningRuns& runs,
                                   const T* source, const uint8_t* skip) {
  auto shares = shares_of(runs.everywhere);
  const size_t own_border = shares.size();  // where the shares of runs.border begin
  if (!runs.border.empty())
    for (const auto share : shares_of(runs.border)) shares.push_back(share);
  std::vector<std::optional<PairOfEquations>> parts(shares.size());
  parallel_for(shares.size(), [&](size_t s) { parts[s] = add_up(predictor, source, skip, shares[s]); });
  PairOfEquations equations = std::move(*parts[0]);
  for (size_t s = 1; s < own_border; s++)
    for (size_t border = 0; border < 2; border++) equations[border].merge((*parts[s])[border]);
  if (own_border == shares.size()) return equations;
  equations[1] = std::move((*parts[own_border])[1]);
  for (size_t s = own_border + 1; s < shares.size(); s++) equations[1].merge((*parts[s])[1]);
  return equations;
}

template <class T>
PairOfWeights learn_weights(const PassPredictor<T>& predictor, const PairOfEquations& equations, double bin) {
  const GridPass& pass = predictor.pass();
  const size_t thin = border_targets(predictor.rows().shape(), pass);
  return {fit_weights(equations[0], pass.targets() - thin, bin, predictor.default_weights(false)),
          fit_weights(equations[1], thin, bin, predictor.default_weights(true))};
}

#define GAUSSITU_INSTANCES(T)                                                                         \
  template PairOfEquations learning_equations(const PassPredictor<T>&, const LearningRuns&, const T*, \
                                              const uint8_t*);                                        \
  template PairOfWeights learn_weights(const PassPredictor<T>&, const PairOfEquations&, double);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
