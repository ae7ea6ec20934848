#include "bounded/certificate.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/chunks.hpp"
#include "bounded/arrange.hpp"

namespace gaussitu {

namespace {

template <class T>
struct Range {
  T least = std::numeric_limits<T>::max(), most = std::numeric_limits<T>::lowest();
  size_t finite = 0;
};

struct Errors {
  bool held = true;
  double largest = 0, relative = 0, squares = 0;
  uint32_t crc = 0;
};

template <class T>
uint32_t crc_of(std::span<const T> values) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(values.data()), values.size_bytes()));
}

}  // namespace

template <class T>
Certificate<T>::Certificate(const Layout& layout, std::span<const T> values, bool pointwise,
                            std::span<const T> fills)
    : layout_(layout), values_(values), pointwise_(pointwise) {
  const auto parts = map_chunks<Range<T>>(values.size(), [&](size_t first, size_t last) {
    Range<T> part;
    for (size_t i = first; i < last; i++) {
      const T v = values[i];
      if (!std::isfinite(v)) continue;
      part.finite++;
      if (std::find(fills.begin(), fills.end(), v) != fills.end()) continue;
      part.least = std::min(part.least, v);
      part.most = std::max(part.most, v);
    }
    return part;
  });
  Range<T> all;
  for (const auto& part : parts) {
    all.least = std::min(all.least, part.least);
    all.most = std::max(all.most, part.most);
    all.finite += part.finite;
  }
  metrics_.values = values.size();
  metrics_.non_finite = values.size() - all.finite;
  if (all.least > all.most) return;
  metrics_.value_min = static_cast<double>(all.least);
  metrics_.value_max = static_cast<double>(all.most);
}

template <class T>
bool Certificate<T>::certify(std::span<const T> decoded, const Specials<T>& specials, double bound) {
  const uint8_t* special = specials.skip();
  const bool in_order = layout_.order.empty();
  const auto parts = map_chunks<Errors>(values_.size(), [&](size_t first, size_t last) {
    Errors part;
    for (size_t i = first; i < last; i++) {
      const T value = values_[i], back = decoded[i];
      if (std::memcmp(&value, &back, sizeof(T)) == 0) continue;
      if (!std::isfinite(value) || (special != nullptr && special[i] != 0)) {
        part.held = part.held && std::isnan(value) && std::isnan(back);
        continue;
      }
      const double error = std::fabs(static_cast<double>(value) - static_cast<double>(back));
      // Written so that an error that is no number is one too many.
      double measure = error;
      if (pointwise_) {
        measure = error / std::fabs(static_cast<double>(value));
        part.relative = std::max(part.relative, measure);
      }
      part.held = part.held && measure <= bound;
      part.largest = std::max(part.largest, error);
      part.squares += error * error;
    }
    if (in_order) part.crc = crc_of(decoded.subspan(first, last - first));
    return part;
  });
  Errors all;
  for (const Errors& part : parts) {
    all.held = all.held && part.held;
    all.largest = std::max(all.largest, part.largest);
    all.relative = std::max(all.relative, part.relative);
    all.squares += part.squares;
  }
  if (!all.held) return false;
  for (size_t c = 0; in_order && c < parts.size(); c++) {
    const size_t count = std::min(kChunkValues, values_.size() - c * kChunkValues);
    all.crc =
        static_cast<uint32_t>(crc32_combine(all.crc, parts[c].crc, static_cast<z_off_t>(count * sizeof(T))));
  }
  if (!in_order) {
    const std::vector<T> array = from_layout(layout_, std::vector<T>(decoded.begin(), decoded.end()));
    all.crc = crc_of(std::span<const T>(array));
  }
  metrics_.max_error = all.largest;
  if (pointwise_) metrics_.max_relative_error = all.relative;
  metrics_.rmse = rmse(all.squares);
  metrics_.psnr = psnr(metrics_.rmse);
  metrics_.crc = all.crc;
  return true;
}

template <class T>
double Certificate<T>::psnr(std::span<const T> decoded, const Specials<T>& specials) const {
  const uint8_t* special = specials.skip();
  const auto parts = map_chunks<double>(values_.size(), [&](size_t first, size_t last) {
    double squares = 0;
    for (size_t i = first; i < last; i++) {
      if (special != nullptr && special[i] != 0) continue;
      const double error = static_cast<double>(values_[i]) - static_cast<double>(decoded[i]);
      squares += error * error;
    }
    return squares;
  });
  double squares = 0;
  for (const double part : parts) squares += part;
  return psnr(rmse(squares));
}

template <class T>
double Certificate<T>::rmse(double squares) const {
  const auto finite = static_cast<double>(metrics_.values - metrics_.non_finite);
  return finite > 0 ? std::sqrt(squares / finite) : 0;
}

template <class T>
double Certificate<T>::psnr(double rmse) const {
  return rmse > 0 ? 20 * std::log10(range() / rmse) : std::numeric_limits<double>::infinity();
}

template class Certificate<float>;
template class Certificate<double>;

}  // namespace gaussitu
