#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "bounded/arrange.hpp"
#include "bounded/block_decoder.hpp"
#include "bounded/choose_siblings.hpp"
#include "bounded/exact.hpp"
#include "bounded/header.hpp"
#include "residual/scattered.hpp"
#include "residual/structured.hpp"

namespace gaussitu {

namespace {

template <class T>
uint32_t crc_of(const std::vector<T>& values) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(values.data()), values.size() * sizeof(T)));
}

template <class T>
class BlockEncoder {
 public:
  BlockEncoder(const Layout& layout, const ArrayView& view, std::span<const double> fills,
               const BoundedReferences& offered)
      : layout_(layout), offered_(offered), values_(gather<T>(layout, view)) {
    if (offered.earlier.size() > kMaxEarlier)
      throw Error(Code::invalid_argument,
                  "Expected at most 2 earlier steps but received " + std::to_string(offered.earlier.size()));
    std::vector<T> own;
    for (const double fill : fills) own.push_back(static_cast<T>(fill));
    specials_ = find_specials<T>(values_.data(), values_.size(), own);
    measure_range(own);
  }

  BoundedResult encode(const BoundTarget& target) {
    double bound = target.absolute;
    // Two products: the range itself may be beyond the largest number.
    if (bound < 0) bound = target.relative * metrics_.value_max - target.relative * metrics_.value_min;
    if (bound > 0 && std::isfinite(bound) && try_residual(bound)) result_.bound = bound;
    const size_t raw = values_.size() * sizeof(T);
    if (result_.bound == 0 || result_.payload.size() > raw / 2) try_exact();
    result_.metrics = metrics_;
    return std::move(result_);
  }

 private:
  /// Least and largest finite value, fills left out.
  void measure_range(const std::vector<T>& fills) {
    metrics_.values = values_.size();
    bool any = false;
    for (const T v : values_) {
      if (!std::isfinite(v)) {
        metrics_.non_finite++;
        continue;
      }
      if (std::find(fills.begin(), fills.end(), v) != fills.end()) continue;
      const auto x = static_cast<double>(v);
      metrics_.value_min = any ? std::min(metrics_.value_min, x) : x;
      metrics_.value_max = any ? std::max(metrics_.value_max, x) : x;
      any = true;
    }
  }

  /// False when a value of the decoded payload is off by more than the bound.
  bool try_residual(double bound) {
    std::vector<SharedState> siblings;
    for (const size_t c : choose(bound)) {
      siblings.push_back(offered_.siblings[c]);
      result_.siblings.push_back(c);
    }
    const References<T> references(layout_, offered_.earlier, siblings);
    DecodedBlock<T> encoded;
    const auto residual = layout_.kind == LayoutKind::scattered
                              ? encode_scattered<T>(layout_.plan, values_.data(), specials_.skip(), bound,
                                                    references.list(), encoded)
                              : encode_structured<T>(layout_.grid, values_.data(), specials_.skip(), bound,
                                                     references.list(), encoded);
    const auto mask = encode_specials(layout_.grid, specials_);
    BoundedHeader header = make_header(layout_, dtype());
    header.earlier = static_cast<uint8_t>(offered_.earlier.size());
    header.siblings = static_cast<uint8_t>(siblings.size());
    ByteWriter out;
    write_header(out, header);
    out.varint(mask.size());
    result_.payload = out.take();
    result_.payload.insert(result_.payload.end(), mask.begin(), mask.end());
    result_.payload.insert(result_.payload.end(), residual.begin(), residual.end());
    result_.uses_earlier = header.earlier > 0;
    return accept(references, header, bound);
  }

  /// Byte planes, unless the residual that was accepted is shorter.
  void try_exact() {
    BoundedHeader header = make_header(layout_, dtype());
    header.exact = true;
    ByteWriter out;
    write_header(out, header);
    std::vector<uint8_t> payload = out.take();
    const auto planes = encode_exact(
        {reinterpret_cast<const uint8_t*>(values_.data()), values_.size() * sizeof(T)}, sizeof(T));
    payload.insert(payload.end(), planes.begin(), planes.end());
    if (result_.bound > 0 && result_.payload.size() <= payload.size()) return;
    result_ = {};
    result_.payload = std::move(payload);
    if (!accept(References<T>(layout_, {}, {}), header, 0))
      throw Error(Code::invalid_argument, "Expected values that are stored exactly to decode exactly");
  }

  std::vector<size_t> choose(double bound) const {
    auto view = [&](const SharedState& s) -> std::span<const T> {
      if (!s || s->size() != values_.size() || !std::holds_alternative<std::vector<T>>(s->values)) return {};
      return std::get<std::vector<T>>(s->values);
    };
    if (offered_.siblings.empty()) return {};
    // In array order: states are, and the rule does not care which of the orders it samples.
    const std::vector<T> values = from_layout(layout_, values_);
    const std::vector<uint8_t> skip = from_layout(layout_, specials_.mask);
    std::vector<std::span<const T>> earlier, candidates;
    std::vector<size_t> index;
    for (const auto& s : offered_.earlier) earlier.push_back(view(s));
    for (size_t c = 0; c < offered_.siblings.size(); c++)
      if (const auto v = view(offered_.siblings[c]); !v.empty()) {
        candidates.push_back(v);
        index.push_back(c);
      }
    auto chosen = choose_siblings<T>(values, skip.empty() ? nullptr : skip.data(), bound, earlier, candidates,
                                     kMaxSiblings);
    for (size_t& c : chosen) c = index[c];
    return chosen;
  }

  /// Decodes the payload and measures it; keeps metrics and state when every value is within the bound.
  bool accept(const References<T>& references, const BoundedHeader& header, double bound) {
    DecodedPayload<T> decoded =
        decode_payload_as<T>(layout_, result_.payload, references, header.earlier, header.siblings);
    double squares = 0, largest = 0;
    for (size_t i = 0; i < values_.size(); i++) {
      const bool same = std::memcmp(&values_[i], &decoded.values[i], sizeof(T)) == 0;
      if (same) continue;
      const bool special = !std::isfinite(values_[i]) || (!specials_.mask.empty() && specials_.mask[i]);
      if (special) {
        if (std::isnan(values_[i]) && std::isnan(decoded.values[i])) continue;
        return false;
      }
      const double error =
          std::fabs(static_cast<double>(values_[i]) - static_cast<double>(decoded.values[i]));
      if (!(error <= bound)) return false;
      largest = std::max(largest, error);
      squares += error * error;
    }
    const auto finite = static_cast<double>(metrics_.values - metrics_.non_finite);
    metrics_.max_error = largest;
    metrics_.rmse = finite > 0 ? std::sqrt(squares / finite) : 0;
    metrics_.psnr = metrics_.rmse > 0
                        ? 20 * std::log10((metrics_.value_max - metrics_.value_min) / metrics_.rmse)
                        : std::numeric_limits<double>::infinity();
    metrics_.crc = crc_of(from_layout(layout_, std::move(decoded.values)));
    result_.state = make_state(layout_, std::move(decoded.block));
    return true;
  }

  static constexpr Dtype dtype() { return sizeof(T) == 4 ? Dtype::f32 : Dtype::f64; }

  const Layout& layout_;
  const BoundedReferences& offered_;
  const std::vector<T> values_;  // layout order
  Specials<T> specials_;
  Metrics metrics_;
  BoundedResult result_;
};

}  // namespace

BoundedResult encode_bounded(const Layout& layout, const ArrayView& values, const BoundTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered) {
  if (values.dtype == Dtype::f32) return BlockEncoder<float>(layout, values, fills, offered).encode(target);
  return BlockEncoder<double>(layout, values, fills, offered).encode(target);
}

}  // namespace gaussitu
