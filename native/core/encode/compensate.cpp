#include "encode/compensate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "encode/change_cost.hpp"
#include "stream/reference.hpp"
#include "train/normal_equations.hpp"

namespace gaussitu {

namespace {

constexpr size_t kParts = 12;     // quantised one after the other; neighbours mostly fall in different parts
constexpr double kDamping = 0.1;  // as in training: neighbours of the same part move too
constexpr double kTrust = 10;
constexpr double kFloor = 1e-5, kValueFloor = 3e-3;  // of the mean phi^2: what hardly shows stays where it is
// Longest step of a shift, of a shape and of the value: beyond, the linearisation says nothing.
constexpr double kShiftLimit = 0.5, kShapeLimit = 0.15, kValueLimit = 0.3;

/// The least-squares problem of one Gaussian, of which more and more unknowns are decided.
class Remaining {
 public:
  /// `floor`: added to the curvature of shifts and shapes, `value_floor` to that of the value.
  Remaining(const NormalEquations& n, double floor, double value_floor) : n_(n) {
    for (int k = 0; k < kParameters; ++k)
      n_.h[k][k] += kDamping * std::max(n_.h[k][k], 0.0) + (k < 9 ? floor : value_floor) + 1e-30;
  }

  /// Half the squared error that unknown `k` of the last best() adds per square of its distance from it,
  /// everything undecided following.
  double stiffness() const { return stiffness_; }

  /// The best step of unknown `k` given what is decided.
  double best(int k) {
    int free[kParameters], count = 0;
    for (int a = 0; a < kParameters; ++a)
      if (!decided_[a]) free[count++] = a;
    // Cholesky of the free part; unknown k comes last, so that its step is the first of the back
    // substitution.
    std::swap(free[std::find(free, free + count, k) - free], free[count - 1]);
    double l[kParameters][kParameters], y[kParameters];
    for (int a = 0; a < count; ++a) {
      double right = -n_.g[free[a]];
      for (int f = 0; f < kParameters; ++f)
        if (decided_[f]) right -= n_.h[free[a]][f] * step_[f];
      for (int b = 0; b <= a; ++b) {
        double s = n_.h[free[a]][free[b]];
        for (int c = 0; c < b; ++c) s -= l[a][c] * l[b][c];
        if (a != b)
          l[a][b] = s / l[b][b];
        else if (s > 0)
          l[a][a] = std::sqrt(s);
        else
          return stiffness_ = 0;
      }
      for (int b = 0; b < a; ++b) right -= l[a][b] * y[b];
      y[a] = right / l[a][a];
    }
    stiffness_ = l[count - 1][count - 1] * l[count - 1][count - 1] / 2;
    const double limit = k < 3 ? kShiftLimit : k < 9 ? kShapeLimit : kValueLimit;
    return std::clamp(y[count - 1] / l[count - 1][count - 1], -limit, limit);
  }

  void decide(int k, double step) {
    decided_[k] = true;
    step_[k] = step;
  }

 private:
  NormalEquations n_;
  bool decided_[kParameters] = {};
  double step_[kParameters] = {};
  double stiffness_ = 0;
};

/// Rounds the numbers of one Gaussian, towards where it was in the step before as far as that saves bits.
class Rounding {
 public:
  Rounding() = default;  // to the nearest
  Rounding(const ModelReference& reference, const ChangeCost& cost, size_t before, double price)
      : reference_(&reference), cost_(&cost), before_(before), price_(price) {}

  /// The whole number for `x`, given the nearest; `curvature`: half the squared error per square of a whole
  /// number.
  int32_t parameter(int k, double x, int32_t nearest, double curvature) const {
    return reference_
               ? static_cast<int32_t>(choose(k, x, nearest, curvature, reference_->parameter(k, before_)))
               : nearest;
  }
  int64_t part(int axis, double x, int64_t nearest, double curvature, uint32_t parts) const {
    return reference_ ? choose(kCodedParameters + axis, x, nearest, curvature,
                               reference_->part(axis, before_, parts))
                      : nearest;
  }

 private:
  int64_t choose(int k, double x, int64_t nearest, double curvature, int64_t expected) const {
    const int64_t side = nearest > expected ? 1 : -1;
    int64_t best = nearest;
    double least = std::numeric_limits<double>::infinity();
    const auto consider = [&](int64_t n) {
      const double off = static_cast<double>(n) - x;
      const double cost = curvature * off * off + price_ * cost_->bits(k, n - expected);
      if (cost < least) least = cost, best = n;
    };
    consider(nearest);
    if (nearest != expected) {
      if (std::abs(nearest - expected) > 1) consider(nearest - side);
      if (std::abs(nearest - expected) > 3) consider(nearest - 2 * side);
      consider(expected);
    }
    return best;
  }

  const ModelReference* reference_ = nullptr;
  const ChangeCost* cost_ = nullptr;
  size_t before_ = 0;
  double price_ = 0;
};

/// Quantises Gaussian i and replaces it in `model` by what a reader will see. Order of unknowns and the steps
/// they stand for: normal_equations.hpp.
QuantisedGaussian quantise_one(Model& model, size_t i, Remaining& rest, const Lattice& lattice,
                               const QuantSteps& steps, const Rounding& rounding) {
  QuantisedGaussian out;
  auto& p = out.parameter;
  const double a00 = model.a[0][i], a01 = model.a[1][i], a02 = model.a[2][i], a11 = model.a[3][i],
               a12 = model.a[4][i], a22 = model.a[5][i];

  // Diagonal: a <- (1 + S) a. A step is a factor of 2^scale.
  const double diagonal[3] = {a00, a11, a22};
  constexpr int place[3] = {0, 3, 5};
  constexpr double kLn2 = 0.6931471805599453;
  const double octave = kLn2 * steps.scale;
  double grown[3];
  for (int k = 0; k < 3; ++k) {
    constexpr int unknown[3] = {3, 6, 8};
    const auto wanted = static_cast<float>(diagonal[k] * std::max(1 + rest.best(unknown[k]), 0.1));
    const int32_t nearest = p[kDiagonal + k] = round_diagonal(wanted, steps);
    const double exact = nearest + (wanted / shape_of(p, steps)[place[k]] - 1) / octave;
    p[kDiagonal + k] = rounding.parameter(kDiagonal + k, exact, nearest, rest.stiffness() * octave * octave);
    grown[k] = shape_of(p, steps)[place[k]] / diagonal[k];
    rest.decide(unknown[k], grown[k] - 1);
  }
  const auto d = shape_of(p, steps);
  // Skews: a01 <- (1 + S00) a01 + S01 a11, a12 <- (1 + S11) a12 + S12 a22, a02 <- ... + S01 a12 + S02 a22.
  const auto skew = [&](int k, int unknown, double carried, double unit, float column) {
    const double wanted = carried + rest.best(unknown) * unit;
    const double step_size = static_cast<double>(steps.skew) * column;
    const double change = step_size / unit;
    p[kSkew + k] = rounding.parameter(kSkew + k, wanted / step_size, round_skew(wanted, column, steps),
                                      rest.stiffness() * change * change);
    const double decoded = static_cast<double>(p[kSkew + k]) * steps.skew * column;
    const double step = (decoded - carried) / unit;
    rest.decide(unknown, step);
    return step;
  };
  const double s01 = skew(0, 4, grown[0] * a01, a11, d[3]);
  skew(2, 7, grown[1] * a12, a22, d[5]);
  skew(1, 5, grown[0] * a02 + s01 * a12, a22, d[5]);
  const auto shape = shape_of(p, steps);

  // Centre: A (mu' - mu) = s, solved from z to x.
  const auto axis = [&](int k, int unknown, double carried, double unit) {
    const double wanted = model.mu[k][i] + (rest.best(unknown) - carried) / unit;
    float decoded = round_position(lattice, k, static_cast<float>(wanted), shape, steps, out);
    const uint32_t parts = divisions(lattice, k, shape, steps.position);
    const double part = lattice.edge(k) / parts;
    if (part > 0) {
      const int64_t nearest = static_cast<int64_t>(out.cell[k]) * parts + out.sub[k];
      const double exact = (wanted - lattice.lo[k]) / part - 0.5;
      const double change = part * unit;
      const int64_t at = rounding.part(k, exact, nearest, rest.stiffness() * change * change, parts);
      out.cell[k] = static_cast<uint32_t>(at / parts);
      out.sub[k] = static_cast<uint32_t>(at % parts);
      decoded = lattice.position(k, out.cell[k], out.sub[k], parts);
    }
    const double moved = static_cast<double>(decoded) - model.mu[k][i];
    rest.decide(unknown, carried + moved * unit);
    model.mu[k][i] = decoded;
    return moved;
  };
  const double dz = axis(2, 2, 0, a22);
  const double dy = axis(1, 1, a12 * dz, a11);
  axis(0, 0, a01 * dy + a02 * dz, a00);

  const double value = model.v[i] + rest.best(9);
  p[kValue] = rounding.parameter(kValue, value / steps.value, round_value(value, steps),
                                 rest.stiffness() * steps.value * steps.value);
  model.v[i] = static_cast<float>(static_cast<double>(p[kValue]) * steps.value);
  for (int k = 0; k < 6; ++k) model.a[k][i] = shape[k];
  return out;
}

/// What the Gaussians of a model are rounded towards.
struct Before {
  const ModelReference* reference = nullptr;
  const ChangeCost* cost = nullptr;
  const std::vector<uint32_t>* origin = nullptr;
  double price = 0;

  Rounding of(size_t i) const {
    if (!reference || (*origin)[i] >= reference->count()) return {};
    return {*reference, *cost, (*origin)[i], price};
  }
};

/// Quantises every kParts-th Gaussian from `first` on, whose moments these are, at the optimum that the
/// others leave it.
void quantise_part(Model& model, const SampleSet& samples, const std::vector<Moments>& moments, size_t first,
                   double squared, const Lattice& lattice, const QuantSteps& steps, const Before& before,
                   std::vector<QuantisedGaussian>& gaussians) {
  double phi2 = 0;
  for (const Moments& m : moments) phi2 += m.phi2;
  phi2 /= static_cast<double>(std::max<size_t>(moments.size(), 1));
  const double trust = kTrust * squared / static_cast<double>(samples.measured);
  parallel_for(moments.size(), [&](size_t m) {
    const size_t i = first + m * kParts;
    Remaining rest(normal_equations(moments[m], model, i, samples.columns),
                   trust * moments[m].phi2 + kFloor * phi2, kValueFloor * phi2);
    gaussians[i] = quantise_one(model, i, rest, lattice, steps, before.of(i));
  });
}

/// Differences of the Gaussians that have an origin.
std::vector<std::array<int32_t, kDifferences>> differences(const std::vector<QuantisedGaussian>& gaussians,
                                                           const std::vector<uint32_t>& origin,
                                                           const ModelReference& reference,
                                                           const QuantSteps& steps) {
  std::vector<std::array<int32_t, kDifferences>> all;
  for (size_t i = 0; i < gaussians.size(); ++i) {
    const size_t j = origin[i];
    if (j >= reference.count()) continue;
    const QuantisedGaussian& g = gaussians[i];
    auto& d = all.emplace_back();
    for (int k = 0; k < kCodedParameters; ++k) d[k] = g.parameter[k] - reference.parameter(k, j);
    const auto a = shape_of(g.parameter, steps);
    for (int k = 0; k < 3; ++k) {
      const uint32_t parts = divisions(reference.lattice(), k, a, steps.position);
      const int64_t at = static_cast<int64_t>(g.cell[k]) * parts + g.sub[k];
      d[kCodedParameters + k] =
          static_cast<int32_t>(std::clamp<int64_t>(at - reference.part(k, j, parts), -(1 << 29), 1 << 29));
    }
  }
  return all;
}

}  // namespace

QuantisedModel quantise_compensating(const Model& original, Session& session, const QuantSteps& wanted,
                                     int sweeps, const ChangeRate& rate, const Control& control) {
  const QuantSteps steps = storable(wanted);
  const Lattice lattice = rate.base ? rate.base->lattice : Lattice::of(original);
  Model model = original;
  std::vector<QuantisedGaussian> gaussians(model.count()), best;
  std::vector<Moments> moments;
  double best_squared = std::numeric_limits<double>::infinity();
  std::optional<ModelReference> reference;
  ChangeCost cost;
  Before before;
  if (rate.base) {
    reference.emplace(*rate.base, original, steps, lattice);
    before = {&*reference, &cost, &model.origin, rate.price};
  }
  const size_t parts = kParts * static_cast<size_t>(sweeps);
  for (size_t part = 0;; ++part) {
    if (control.cancel && control.cancel->load(std::memory_order_relaxed))
      throw Error(Code::cancelled, "Encoding was cancelled while quantising");
    const size_t first = part < parts ? part % kParts : model.count();
    const double squared = session.linearise(model, first, kParts, moments);
    if (part > 0 && part % kParts == 0) {  // a whole sweep is quantised: very coarse steps may not settle
      if (best.empty() || squared < best_squared || rate.base) best = gaussians;
      best_squared = std::min(best_squared, squared);
      if (reference) cost.learn(differences(gaussians, model.origin, *reference, steps));
      if (part == parts) break;
    }
    quantise_part(model, session.samples(), moments, first, squared, lattice, steps, before, gaussians);
  }
  return assemble(original, steps, lattice, best);
}

}  // namespace gaussitu
