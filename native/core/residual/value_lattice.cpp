#include "residual/value_lattice.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gaussitu {

template <class T>
double find_lattice(const T* values, const uint8_t* skip, size_t count, double bound) {
  // The smallest gap between sampled values is a candidate; most fields are refused by the first of them.
  std::vector<double> sample;
  const size_t every = std::max<size_t>(1, count / 4096);
  for (size_t i = 0; i < count; i += every)
    if (skip == nullptr || skip[i] == 0) sample.push_back(static_cast<double>(values[i]));
  double spacing = 0;
  for (const size_t size : {std::min<size_t>(sample.size(), 256), sample.size()}) {
    std::sort(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(size));
    spacing = 0;
    for (size_t i = 1; i < size; i++) {
      const double gap = sample[i] - sample[i - 1];
      if (gap > 0 && (spacing == 0 || gap < spacing)) spacing = gap;
    }
    if (spacing > 0 && !(spacing > bound / 2)) return 0;
  }
  if (!(spacing > 0) || !std::isfinite(spacing)) return 0;
  // Gaps of rounded values carry their rounding: 0.1f + ... ; try the gap itself and its nearest short
  // decimal.
  const double digits = std::pow(10.0, 6 - std::ceil(std::log10(spacing)));
  for (const double candidate : {spacing, std::nearbyint(spacing * digits) / digits}) {
    if (!(candidate > 0)) continue;
    bool all = true;
    for (size_t i = 0; i < count && all; i++) {
      if (skip != nullptr && skip[i] != 0) continue;
      const double v = static_cast<double>(values[i]);
      const double k = std::nearbyint(v / candidate);
      all = std::fabs(k) < 1e9 && static_cast<T>(k * candidate) == values[i];
    }
    if (all) return candidate;
  }
  return 0;
}

template double find_lattice(const float*, const uint8_t*, size_t, double);
template double find_lattice(const double*, const uint8_t*, size_t, double);

}  // namespace gaussitu
