// What a certificate says of a block's values and of their decoded ones.
#pragma once
#include <span>

#include "bounded/layout.hpp"
#include "encode/encode.hpp"
#include "residual/specials.hpp"

namespace gaussitu {

template <class T>
class Certificate {
 public:
  /// Least, largest and number of the finite values (of `values` [n] in layout order), fills left out.
  /// `pointwise`: the bound is relative to each value.
  Certificate(const Layout& layout, std::span<const T> values, bool pointwise, std::span<const T> fills);

  /// Takes the errors and the CRC of `decoded` [n]; false, and nothing is taken, when a value is off by more
  /// than `bound` or a special value is another.
  bool certify(std::span<const T> decoded, const Specials<T>& specials, double bound);

  /// dB over the value range, of decoded values [n] without the special ones, over all finite values.
  double psnr(std::span<const T> decoded, const Specials<T>& specials) const;

  double range() const { return metrics_.value_max - metrics_.value_min; }
  const Metrics& metrics() const { return metrics_; }

 private:
  double rmse(double squares) const;
  double psnr(double rmse) const;

  const Layout& layout_;
  const std::span<const T> values_;
  const bool pointwise_;
  Metrics metrics_;
};

}  // namespace gaussitu
