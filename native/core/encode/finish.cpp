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
constexpr QuantSteps kExact{1e-5f, 1e-5f, 1e-5f, 1e-5f};

/// Greatest x in [lo, hi] (logarithmic scale, to 0.5 %) with good(x), which is true below some x; lo if none.
template <class Good>
double bisect(double lo, double hi, Good good) {
  if (good(hi)) return hi;
  while (hi / lo > 1.005) {
    const double middle = std::sqrt(lo * hi);
    (good(middle) ? lo : hi) = middle;
  }
  return lo;
}

}  // namespace

Finisher::Finisher(const Model& model, Session& session, const Control& control, int sweeps)
    : model_(model), session_(session), control_(control), sweeps_(sweeps), ratio_(kUsual) {
  model_mse_ = mean_squared_error(model, session);
  // About as coarse as will be used: the error of smaller steps drowns in what training left over.
  const double scale = std::clamp(8 * std::sqrt(model_mse_), 0.05, 0.4);
  float QuantSteps::*const kinds[] = {&QuantSteps::position, &QuantSteps::scale, &QuantSteps::skew,
                                      &QuantSteps::value};
  double cost[4];
  for (int k = 0; k < 4; ++k) {
    QuantSteps probe = kExact;
    probe.*kinds[k] = storable({0, 0, 0, static_cast<float>(kUsual.*kinds[k] * scale)}).value;
    const double mse = mean_squared_error(from_integers(to_integers(model, probe)), session);
    const double ratio = probe.*kinds[k] / (kUsual.*kinds[k]);
    cost[k] = std::max(mse - model_mse_, 1e-12) / (ratio * ratio);
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

size_t Finisher::bytes_at(double fineness) const {
  return encode_payload(to_integers(model_, steps(fineness))).size();
}

Finished Finisher::finish(double fineness) const {
  Finished out;
  out.fineness = fineness;
  out.integers = quantise_compensating(model_, session_, steps(fineness), sweeps_, control_);
  Model decoded = from_integers(out.integers);
  session_.solve_values(decoded, kValueIterations, control_);
  requantise_values(out.integers, decoded.v);
  decoded = from_integers(out.integers);
  const SampleSet& samples = session_.samples();
  std::vector<float> f(samples.x.size()), cover(samples.x.size());
  session_.evaluate(decoded, f.data(), cover.data());
  out.integers.header.coverage = least_coverage(samples, cover);
  out.mse = mean_squared_error(f, samples);
  out.payload = encode_payload(out.integers);
  return out;
}

Finished Finisher::to_bytes(size_t bytes) const {
  const auto goal = static_cast<double>(bytes);
  double fineness = 1 / bisect(1 / kCoarsest, 1 / kFinest, [&](double inverse) {
                      return static_cast<double>(bytes_at(1 / inverse)) <= 0.997 * goal;
                    });
  Finished out = finish(fineness);
  // Compensation moves the size a little; doubling the steps saves about a quarter of it.
  for (int i = 0; i < 4 && out.payload.size() > bytes && fineness < kCoarsest; ++i) {
    const double over = static_cast<double>(out.payload.size()) / goal - 0.997;
    fineness = std::min(kCoarsest, fineness * std::exp2(std::max(4 * over, 0.01)));
    out = finish(fineness);
  }
  return out;
}

Finished Finisher::to_psnr(double psnr) const {
  const double goal = std::pow(10, -psnr / 10);
  const double start = fineness_for(std::max(goal / std::max(model_mse_, 1e-10) - 1, 0.01));
  Finished best = finish(start);
  double good = best.mse <= goal ? start : 0, bad = good > 0 ? 0 : start;
  for (int i = 0; i < 12; ++i) {
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
