#include "bounded/rate_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace gaussitu {

namespace {

constexpr int kTrials = 10;
constexpr double kBytesWindow = 0.02, kPsnrWindow = 0.1;  // share, dB; on the good side of the target
const double kPsnrUnit = std::log(10.0) / 20;             // PSNR falls by 20 dB per decade of the bound
constexpr double kTallest = 4;                            // heights beyond it say no more than their sign
constexpr double kFlattest = 0.3, kSteepest = 3;          // slopes that a secant is believed

/// As a decimal of three digits: what JSON and people are shown is the bound itself.
double rounded(double bound) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2e", bound);
  return std::strtod(text, nullptr);
}

/// Where fields of simulations tend to lie; only the number of trials depends on it.
double first_guess(const RateTarget& target, double range, size_t count) {
  if (target.guess > 0 && std::isfinite(target.guess)) return target.guess;
  if (target.bytes > 0)
    return range * std::min(0.2, 2e-4 * 4 * static_cast<double>(count) / static_cast<double>(target.bytes));
  return 2 * range * std::pow(10.0, -target.psnr / 20);
}

}  // namespace

RateSearch::RateSearch(const RateTarget& target, double range, size_t count)
    : target_(target), least_(std::log(range) - 40), most_(std::log(range)) {
  last_.x = std::clamp(std::log(first_guess(target, range, count)), least_, most_);
}

std::optional<double> RateSearch::next() {
  if (done_ || trials_ == kTrials) return std::nullopt;
  const double x = trials_ == 0 ? last_.x : std::clamp(proposal(), least_, most_);
  const double bound = rounded(std::exp(x));
  if (!(bound > 0)) return std::nullopt;
  const double at = std::log(bound);
  if (trials_ > 0 && ((above_ && at == above_->x) || (below_ && at == below_->x))) return std::nullopt;
  before_ = last_;
  last_.x = at;
  return bound;
}

bool RateSearch::report(size_t bytes, double psnr) {
  last_.y = height(bytes, psnr);
  trials_++;
  const bool up = last_.y > 0;
  auto& own = up ? above_ : below_;
  auto& other = up ? below_ : above_;
  same_side_ = own && other ? same_side_ + 1 : 0;
  own = last_;
  if (above_ && below_ && above_->x >= below_->x) other.reset();  // not monotone here: the newer one counts
  const bool met = target_.bytes > 0 ? bytes <= target_.bytes : psnr >= target_.psnr;
  const double window = target_.bytes > 0 ? kBytesWindow / 2 : kPsnrUnit * kPsnrWindow / 2;
  done_ = met && std::fabs(last_.y) <= window;
  if (!better(bytes, psnr, met)) return false;
  met_ = met;
  best_bytes_ = bytes;
  best_psnr_ = psnr;
  return true;
}

/// The aim is the middle of the window.
double RateSearch::height(size_t bytes, double psnr) const {
  const double y = target_.bytes > 0 ? std::log(static_cast<double>(bytes) /
                                                (static_cast<double>(target_.bytes) * (1 - kBytesWindow / 2)))
                                     : kPsnrUnit * (psnr - (target_.psnr + kPsnrWindow / 2));
  return std::clamp(y, -kTallest, kTallest);
}

bool RateSearch::better(size_t bytes, double psnr, bool met) const {
  if (trials_ == 1 || met != met_) return trials_ == 1 || met;
  const bool smaller = bytes<best_bytes_, finer = psnr> best_psnr_;
  // Of those that meet the target the best in the other respect; of those that do not the nearest.
  return (target_.bytes > 0) == met ? finer : smaller;
}

double RateSearch::proposal() const {
  if (above_ && below_) {
    const double a = above_->x, b = below_->x;
    if (same_side_ >= 2) return (a + b) / 2;
    return a + (b - a) * above_->y / (above_->y - below_->y);
  }
  double slope = 1;
  if (trials_ > 1 && last_.x != before_.x)
    slope = std::clamp(-(last_.y - before_.y) / (last_.x - before_.x), kFlattest, kSteepest);
  return last_.x + last_.y / slope;
}

}  // namespace gaussitu
