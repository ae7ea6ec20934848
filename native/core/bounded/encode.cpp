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
#include "bounded/rate_search.hpp"
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
    if (bound > 0 && std::isfinite(bound)) accept(code(bound));
    return finish();
  }

  BoundedResult encode(const RateTarget& target) {
    const double range = metrics_.value_max - metrics_.value_min;
    if (range > 0 && std::isfinite(range)) {
      RateSearch search(target, range, values_.size());
      Coded best;
      while (const auto bound = search.next()) {
        Coded coded = code(*bound);
        if (search.report(coded.payload.size(), psnr_of(rmse_of(coded.values)))) best = std::move(coded);
      }
      if (search.met() || target.bytes > 0) accept(std::move(best));
    }
    return finish();
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

  /// A residual that was coded and not checked yet.
  struct Coded {
    std::vector<uint8_t> payload;
    std::vector<T> values;  // as the encoder expects them back, layout order, without special values
    std::vector<size_t> siblings;
    BoundedHeader header;
    double bound = 0;
  };

  Coded code(double bound) const {
    Coded out;
    out.bound = bound;
    out.siblings = choose(bound);
    const auto siblings = pick(out.siblings);
    const References<T> references(layout_, offered_.earlier, siblings);
    DecodedBlock<T> encoded;
    const auto residual = layout_.kind == LayoutKind::scattered
                              ? encode_scattered<T>(layout_.plan, values_.data(), specials_.skip(), bound,
                                                    references.list(), encoded)
                              : encode_structured<T>(layout_.grid, values_.data(), specials_.skip(), bound,
                                                     references.list(), encoded);
    const auto mask = encode_specials(layout_.grid, specials_);
    out.header = make_header(layout_, dtype());
    out.header.earlier = static_cast<uint8_t>(offered_.earlier.size());
    out.header.siblings = static_cast<uint8_t>(siblings.size());
    ByteWriter bytes;
    write_header(bytes, out.header);
    bytes.varint(mask.size());
    out.payload = bytes.take();
    out.payload.insert(out.payload.end(), mask.begin(), mask.end());
    out.payload.insert(out.payload.end(), residual.begin(), residual.end());
    out.values = std::move(encoded.values);
    return out;
  }

  /// Takes it as the result, unless a value of the decoded payload is off by more than the bound.
  void accept(Coded coded) {
    result_.payload = std::move(coded.payload);
    const auto siblings = pick(coded.siblings);
    const References<T> references(layout_, offered_.earlier, siblings);
    if (!check(references, coded.header, coded.bound)) return;
    result_.siblings = std::move(coded.siblings);
    result_.uses_earlier = coded.header.earlier > 0;
    result_.bound = coded.bound;
  }

  std::vector<SharedState> pick(const std::vector<size_t>& chosen) const {
    std::vector<SharedState> siblings;
    for (const size_t c : chosen) siblings.push_back(offered_.siblings[c]);
    return siblings;
  }

  BoundedResult finish() {
    if (result_.bound == 0 || result_.payload.size() > values_.size() * sizeof(T) / 2) try_exact();
    result_.metrics = metrics_;
    return std::move(result_);
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
    if (!check(References<T>(layout_, {}, {}), header, 0))
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

  /// Of decoded values without the special ones, over all finite values.
  double rmse_of(const std::vector<T>& decoded) const {
    const uint8_t* skip = specials_.skip();
    double squares = 0;
    for (size_t i = 0; i < values_.size(); i++)
      if (skip == nullptr || skip[i] == 0) {
        const double error = static_cast<double>(values_[i]) - static_cast<double>(decoded[i]);
        squares += error * error;
      }
    return mean_root(squares);
  }

  double mean_root(double squares) const {
    const auto finite = static_cast<double>(metrics_.values - metrics_.non_finite);
    return finite > 0 ? std::sqrt(squares / finite) : 0;
  }

  double psnr_of(double rmse) const {
    return rmse > 0 ? 20 * std::log10((metrics_.value_max - metrics_.value_min) / rmse)
                    : std::numeric_limits<double>::infinity();
  }

  /// Decodes the payload and measures it; keeps metrics and state when every value is within the bound.
  bool check(const References<T>& references, const BoundedHeader& header, double bound) {
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
    metrics_.max_error = largest;
    metrics_.rmse = mean_root(squares);
    metrics_.psnr = psnr_of(metrics_.rmse);
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

BoundedResult encode_to_rate(const Layout& layout, const ArrayView& values, const RateTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered) {
  if (values.dtype == Dtype::f32) return BlockEncoder<float>(layout, values, fills, offered).encode(target);
  return BlockEncoder<double>(layout, values, fills, offered).encode(target);
}

}  // namespace gaussitu
