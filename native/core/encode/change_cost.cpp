#include "encode/change_cost.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

namespace gaussitu {

namespace {

/// log2 of x > 0 within 0.09, by exact operations: the same on every machine.
double rough_log2(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);  // [0.5, 1)
  return exponent - 1 + (2 * mantissa - 1);
}

}  // namespace

ChangeCost::ChangeCost() {
  for (auto& row : bits_)
    for (int d = 0; d < kShown; ++d) row[d] = d == 0 ? 1 : 2 + 2 * rough_log2(d + 1);
}

void ChangeCost::learn(const std::vector<std::array<int32_t, kDifferences>>& differences) {
  for (int k = 0; k < kDifferences; ++k) {
    std::array<double, kShown> seen{};
    double all = 0;
    for (const auto& d : differences) {
      const int64_t size = std::abs(int64_t{d[k]});
      if (size < kShown) seen[size] += 1;
      all += 1;
    }
    for (int d = 0; d < kShown; ++d) {
      // Smoothed over neighbours: both signs share what is seen, and zeros are nobody's neighbours.
      double around = seen[d] + 0.5;
      if (d > 0) {
        const double before = d > 1 ? seen[d - 1] : seen[d], after = d + 1 < kShown ? seen[d + 1] : seen[d];
        around = (2 * seen[d] + before + after) / 8 + 0.25;
      }
      bits_[k][d] = std::max(0.02, rough_log2((all + 4) / around));
    }
    for (int d = 1; d < kShown; ++d) bits_[k][d] = std::max(bits_[k][d], bits_[k][d - 1]);
  }
}

double ChangeCost::bits(int k, int64_t d) const {
  const int64_t size = std::abs(d);
  if (size < kShown) return bits_[k][size];
  return bits_[k][kShown - 1] + 2 * (std::bit_width(static_cast<uint64_t>(size)) - 4);
}

}  // namespace gaussitu
