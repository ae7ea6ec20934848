// The bound that reaches a number of bytes or a PSNR: a search over whole encodings, 2 to 4 of them from a
// good guess.
//   log(bytes) and PSNR fall almost along a line with log(bound): secants, kept inside the bracket once there
//   is one. Bounds are rounded to three digits, so that a certificate shows the very number. The same input
//   gives the same bounds: nothing here depends on time or threads.
#pragma once
#include <cstddef>
#include <optional>
#include <utility>

#include "bounded/bounded.hpp"

namespace gaussitu {

/// Proposes bounds one after the other.
class RateSearch {
 public:
  /// `range` of the values, above 0 and finite; `count` of them.
  RateSearch(const RateTarget& target, double range, size_t count);

  /// The next bound to try; none when the last one is good enough or no better is to be expected.
  std::optional<double> next();

  /// What came of that bound. Returns whether it is the best so far.
  bool report(size_t bytes, double psnr);

  /// Whether the best so far meets the target.
  bool met() const { return met_; }

 private:
  struct Point {
    double x = 0;  // log(bound)
    double y = 0;  // height above the aim; falls with x, by about 1 per unit
  };
  double height(size_t bytes, double psnr) const;
  bool better(size_t bytes, double psnr, bool met) const;
  double proposal() const;

  const RateTarget target_;
  const double least_, most_;  // log(bound)
  std::optional<Point> above_, below_;
  Point last_, before_;
  int trials_ = 0, same_side_ = 0;
  bool done_ = false;
  bool met_ = false;
  size_t best_bytes_ = 0;
  double best_psnr_ = 0;
};

}  // namespace gaussitu
