#include "bounded/choose_siblings.hpp"

#include <algorithm>
#include <cmath>

namespace gaussitu {

namespace {

constexpr size_t kSamples = 4096, kFarthest = 64;
constexpr double kGain = 0.9;  // a sibling must bring the squares below this share

using Detail = std::vector<double>;

std::vector<size_t> places(size_t n, size_t h, const uint8_t* skip) {
  std::vector<size_t> at;
  if (n < 2 * h + 1) return at;
  const size_t every = std::max<size_t>(1, (n - 2 * h) / kSamples);
  for (size_t i = h; i + h < n; i += every)
    if (skip == nullptr || (!skip[i - h] && !skip[i] && !skip[i + h])) at.push_back(i);
  return at;
}

template <class T>
Detail detail(std::span<const T> v, const std::vector<size_t>& at, size_t h) {
  Detail d(at.size());
  for (size_t j = 0; j < at.size(); j++)
    d[j] = double(v[at[j]]) - 0.5 * (double(v[at[j] - h]) + double(v[at[j] + h]));
  return d;
}

double dot(const Detail& a, const Detail& b) {
  double sum = 0;
  for (size_t j = 0; j < a.size(); j++) sum += a[j] * b[j];
  return sum;
}

/// Takes from `a` its part along `b`.
void remove_along(Detail& a, const Detail& b) {
  const double bb = dot(b, b);
  if (!(bb > 0)) return;
  const double w = dot(a, b) / bb;
  for (size_t j = 0; j < a.size(); j++) a[j] -= w * b[j];
}

}  // namespace

template <class T>
std::vector<size_t> choose_siblings(std::span<const T> values, const uint8_t* skip, double bound,
                                    std::span<const std::span<const T>> earlier,
                                    std::span<const std::span<const T>> candidates, size_t most) {
  std::vector<size_t> chosen;
  if (candidates.empty()) return chosen;
  std::vector<size_t> at;
  Detail own;
  size_t h = 1;
  for (;; h *= 2) {
    at = places(values.size(), h, skip);
    if (at.size() < 16) return chosen;
    own = detail(values, at, h);
    if (dot(own, own) > bound * bound * double(at.size()) || 2 * h > kFarthest) break;
  }
  std::vector<Detail> basis;
  for (const auto& e : earlier) {
    Detail d = detail(e, at, h);
    for (const Detail& b : basis) remove_along(d, b);
    remove_along(own, d);
    basis.push_back(std::move(d));
  }
  std::vector<Detail> left;
  for (const auto& c : candidates) {
    Detail d = detail(c, at, h);
    for (const Detail& b : basis) remove_along(d, b);
    left.push_back(std::move(d));
  }
  while (chosen.size() < most) {
    const double before = dot(own, own);
    size_t best = candidates.size();
    double least = kGain * before;
    for (size_t c = 0; c < left.size(); c++) {
      const double cc = dot(left[c], left[c]), co = dot(left[c], own);
      if (!(cc > 0) || std::find(chosen.begin(), chosen.end(), c) != chosen.end()) continue;
      const double after = before - co * co / cc;
      if (after < least) {
        least = after;
        best = c;
      }
    }
    if (best == candidates.size()) break;
    chosen.push_back(best);
    remove_along(own, left[best]);
    for (size_t c = 0; c < left.size(); c++)
      if (c != best) remove_along(left[c], left[best]);
  }
  return chosen;
}

template std::vector<size_t> choose_siblings(std::span<const float>, const uint8_t*, double,
                                             std::span<const std::span<const float>>,
                                             std::span<const std::span<const float>>, size_t);
template std::vector<size_t> choose_siblings(std::span<const double>, const uint8_t*, double,
                                             std::span<const std::span<const double>>,
                                             std::span<const std::span<const double>>, size_t);

}  // namespace gaussitu
