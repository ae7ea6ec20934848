#include "encode/finish.hpp"

#include <algorithm>
#include <cmath>

#include "encode/compensate.hpp"
#include "encode/measure.hpp"

namespace gaussitu {

namespace {

constexpr int kValueIterations = 8;
constexpr double kFinest = 1e-3, kCoarsest = 1.5;
/// Proportions found on turbulence; probing may move them by kTrust either way.
constexpr QuantSteps kUsual{1.0f, 1.0f, 1.2f, 0.11f};
constexpr double kTrust = 3;
// Measured on dns_decay (docs/model.md): what a bit has to bring, and the part of the bytes that is then
// left.
constexpr double kChangePrice = 0.7, kThrift = 0.98;
constexpr QuantSteps kExact{1e-5f, 1e-5f, 1e-5f, 1e-5f};

/// Search for the finest steps of at most `goal` bytes: the closest on either side so far, and what to try
/// next. Sizes are nearly straight lines over the logarithm of the steps.
class Closest {
 public:
  explicit Closest(double goal) : goal_(goal) {}

  void tried(double fineness, double size) { (size <= goal_ ? under_ : over_) = {fineness, size}; }
  bool fits() const { return under_.fineness > 0; }
  double under() const { return under_.fineness; }
  bool between() const { return fits() && over_.fineness > 0; }
  bool closed(double ratio) const { return between() && under_.fineness < ratio * over_.fineness; }

  /// Fineness where `aim` bytes are expected.
  double next(double aim) const {
    if (between())
      return under_.fineness * std::pow(over_.fineness / under_.fineness,
                                        std::log(aim / under_.size) / std::log(over_.size / under_.size));
    // Halving the steps makes it a third larger, or a little more.
    const Trial& one = fits() ? under_ : over_;
    return one.fineness * std::clamp(std::pow(one.size / aim, fits() ? 2.0 : 2.5), 0.25, 4.0);
  }

 private:
  struct Trial {
    double fineness = 0, size = 0;
  };
  const double goal_;
  Trial under_, over_;
};

}  // namespace

Finisher::Finisher(const Model& model, Session& session, const Control& control, const QuantisedModel* base,
                   const Pace& pace)
    : model_(model), session_(session), control_(control), base_(base), pace_(pace), ratio_(kUsual) {
  const auto start = std::chrono::steady_clock::now();
  model_mse_ = mean_squared_error(model, session);
  pass_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  probe();
}

// Half of the time left is for coding, and for another try.
int Finisher::sweeps_in_time() const {
  if (pace_.deadline == Pace::Time::max()) return pace_.sweeps;
  constexpr double kPasses = 20;  // of a sweep: forward once for each part of it, backward, and solving
  const std::chrono::duration<double> left = pace_.deadline - std::chrono::steady_clock::now();
  const double sweeps = left.count() / 2 / (kPasses * pass_seconds_ + 1e-6);
  return static_cast<int>(std::clamp(sweeps, 0.0, static_cast<double>(pace_.sweeps)));
}

void Finisher::probe() {
  // About as coarse as will be used: the error of smaller steps drowns in what training left over.
  const double scale = std::clamp(8 * std::sqrt(model_mse_), 0.05, 0.4);
  const auto cost_of = [&](const QuantSteps& steps) {
    const double mse = mean_squared_error(from_integers(to_integers(model_, steps)), session_);
    return std::max(mse - model_mse_, 1e-12);
  };
  if (base_) {  // other proportions would move all that has not changed
    const QuantSteps& s = base_->steps;
    ratio_ = {1, s.scale / s.position, s.skew / s.position, s.value / s.position};
    const QuantSteps tried = steps(scale);
    noise_ = cost_of(tried) / (double{tried.position} * tried.position);
    return;
  }
  float QuantSteps::*const kinds[] = {&QuantSteps::position, &QuantSteps::scale, &QuantSteps::skew,
                                      &QuantSteps::value};
  double cost[4];
  for (int k = 0; k < 4; ++k) {
    QuantSteps tried = kExact;
    tried.*kinds[k] = storable({0, 0, 0, static_cast<float>(kUsual.*kinds[k] * scale)}).value;
    const double ratio = tried.*kinds[k] / (kUsual.*kinds[k]);
    cost[k] = cost_of(tried) / (ratio * ratio);
  }
  // Parameters of each kind per Gaussian: equal cost per parameter.
  constexpr double number[4] = {3, 3, 3, 1};
  const double reference = cost[0] / number[0];
  noise_ = 0;
  for (int k = 0; k < 4; ++k) {
    const double factor = std::clamp(std::sqrt(reference / (cost[k] / number[k])), 1 / kTrust, kTrust);
    ratio_.*kinds[k] = static_cast<float>(kUsual.*kinds[k] * factor);
    noise_ += cost[k] * factor * factor;
  }
}

QuantSteps Finisher::steps(double fineness) const {
  const auto f = static_cast<float>(fineness);
  return storable({ratio_.position * f, ratio_.scale * f, ratio_.skew * f, ratio_.value * f});
}

double Finisher::fineness_for(double noise) const {
  const double most = noise * std::max(model_mse_, 1e-10);
  return std::clamp(std::sqrt(most / noise_), kFinest, kCoarsest / 3);
}

std::vector<uint8_t> Finisher::changes(const QuantisedModel& q) const {
  return base_ ? encode_delta(q, *base_) : std::vector<uint8_t>{};
}

QuantisedModel Finisher::nearest_at(double fineness) const {
  return base_ ? to_integers(model_, steps(fineness), base_->lattice) : to_integers(model_, steps(fineness));
}

size_t Finisher::whole_bytes_at(double fineness) const {
  return encode_payload(to_integers(model_, steps(fineness))).size();
}

size_t Finisher::bytes_at(double fineness) const {
  if (!base_) return whole_bytes_at(fineness);
  const QuantisedModel q = nearest_at(fineness);
  const size_t alone = encode_payload(q).size(), delta = changes(q).size();
  return delta > 0 ? std::min(alone, delta) : alone;
}

Finished Finisher::finish(double fineness) const {
  Finished out;
  out.fineness = fineness;
  // At the optimum a bit brings what it costs: 2 ln 2 times the squared error that rounding adds to a number,
  // were it not that compensation takes half of that back.
  const double numbers = static_cast<double>(10 * std::max<size_t>(model_.count(), 1));
  const double added =
      noise_ * fineness * fineness * static_cast<double>(session_.samples().measured) / numbers;
  const int sweeps = sweeps_in_time();
  out.integers = sweeps == 0 ? nearest_at(fineness)
                             : quantise_compensating(model_, session_, steps(fineness), sweeps,
                                                     {base_, kChangePrice * added / 2}, control_);
  Model decoded = from_integers(out.integers);
  if (!base_) {  // with one, values were weighed against their bits
    session_.solve_values(decoded, kValueIterations, control_);
    requantise_values(out.integers, decoded.v);
    decoded = from_integers(out.integers);
  }
  const SampleSet& samples = session_.samples();
  std::vector<float> f(samples.x.size()), cover(samples.x.size());
  session_.evaluate(decoded, f.data(), cover.data());
  out.integers.header.coverage = least_coverage(samples, cover);
  out.mse = mean_squared_error(f, samples);
  out.payload = encode_payload(out.integers);
  auto delta = changes(out.integers);
  out.delta = !delta.empty() && delta.size() < out.payload.size();
  if (out.delta) out.payload = std::move(delta);
  return out;
}

double Finisher::finest_within(double bytes) const {
  constexpr double kClose = 0.999;
  Closest closest(bytes);
  double fineness = fineness_for(1);
  for (int i = 0; i < 12; ++i) {
    const auto size = static_cast<double>(bytes_at(fineness));
    closest.tried(fineness, size);
    if ((size <= bytes && size >= kClose * bytes) || closest.closed(1.005)) break;
    const double next = std::clamp(closest.next((1 + kClose) / 2 * bytes), kFinest, kCoarsest);
    if (next == fineness) break;
    fineness = next;
  }
  return closest.fits() ? closest.under() : kCoarsest;
}

Finished Finisher::to_bytes(size_t bytes) const {
  const auto goal = static_cast<double>(bytes);
  if (base_) return changes_to_bytes(goal);
  double fineness = finest_within(0.997 * goal);
  Finished out = finish(fineness);
  // Compensation moves the size a little; doubling the steps saves about a quarter of it.
  for (int i = 0; i < 4 && out.payload.size() > bytes && fineness < kCoarsest; ++i) {
    const double over = static_cast<double>(out.payload.size()) / goal - 0.997;
    fineness = std::min(kCoarsest, fineness * std::exp2(std::max(4 * over, late() ? 0.2 : 0.01)));
    out = finish(fineness);
  }
  return out;
}

Finished Finisher::changes_to_bytes(double goal) const {
  const double aim = 0.993 * goal;
  double fineness = finest_within(aim / kThrift);
  Finished best;
  Closest closest(goal);
  for (int i = 0; i < 6; ++i) {
    Finished out = finish(fineness);
    const auto size = static_cast<double>(out.payload.size());
    const bool fits = size <= goal, first = !closest.fits();
    if (best.payload.empty() || (fits ? first || out.mse < best.mse : first)) best = std::move(out);
    closest.tried(fineness, size);
    if (fits && (size >= 0.985 * goal || late())) break;
    fineness = closest.next(aim);
    if (fineness < kFinest || fineness > kCoarsest) break;
  }
  return best;
}

Finished Finisher::to_psnr(double psnr) const {
  const double goal = std::pow(10, -psnr / 10);
  const double start = fineness_for(std::max(goal / std::max(model_mse_, 1e-10) - 1, 0.01));
  Finished best = finish(start);
  double good = best.mse <= goal ? start : 0, bad = good > 0 ? 0 : start;
  for (int i = 0; i < 12 && !(late() && good > 0); ++i) {
    const double next = good == 0 ? bad / 1.5 : bad == 0 ? good * 1.25 : std::sqrt(good * bad);
    if (next < kFinest || next > kCoarsest || (good > 0 && bad > 0 && bad / good < 1.04)) break;
    Finished trial = finish(next);
    const bool met = trial.mse <= goal;
    (met ? good : bad) = next;
    const bool better = met ? best.mse > goal || next > best.fineness : trial.mse < best.mse;
    if (better) best = std::move(trial);
  }
  return best;
}

Finished Finisher::to_noise(double noise) const {
  return finish(fineness_for(noise));
}

}  // namespace gaussitu
