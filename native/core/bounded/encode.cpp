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
#include "bounded/log_domain.hpp"
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
  BlockEncoder(const Layout& layout, const ArrayView& view, double pointwise, std::span<const double> fills,
               const BoundedReferences& offered, const ModelRequest& model = {})
      : layout_(layout),
        offered_(offered),
        model_(model),
        values_(gather<T>(layout, view)),
        pointwise_(pointwise) {
    if (!(pointwise < 1))
      throw Error(Code::invalid_argument,
                  "Expected a point-wise relative bound below 1 but received " + std::to_string(pointwise));
    if (offered.earlier.size() > kMaxEarlier)
      throw Error(Code::invalid_argument,
                  "Expected at most 2 earlier steps but received " + std::to_string(offered.earlier.size()));
    std::vector<T> own;
    for (const double fill : fills) own.push_back(static_cast<T>(fill));
    measure_range(own);
    if (pointwise > 0) own.push_back(T{0});
    specials_ = find_specials<T>(values_.data(), values_.size(), own);
  }

  BoundedResult encode(const BoundTarget& target) {
    if (pointwise_ > 0) {
      if (const LogBound y = log_bound<T>(values_, specials_.skip(), pointwise_); y.bound > 0)
        accept(with_model(code_logarithms(y)));
      return finish();
    }
    double bound = target.absolute;
    // Two products: the range itself may be beyond the largest number.
    if (bound < 0) bound = target.relative * metrics_.value_max - target.relative * metrics_.value_min;
    if (bound > 0 && std::isfinite(bound)) accept(with_model(code(bound)));
    return finish();
  }

  BoundedResult encode(const RateTarget& target) {
    const double range = metrics_.value_max - metrics_.value_min;
    if (range > 0 && std::isfinite(range)) {
      RateTarget plain = target;  // a model that is put in afterwards has its bytes set aside
      if (model_.share != 0 && target.bytes > 0)
        plain.bytes = std::max<size_t>(1, static_cast<size_t>(double(target.bytes) / (1 + kModelMayAdd)));
      RateSearch search(plain, range, values_.size());
      Coded best;
      while (const auto bound = search.next()) {
        Coded coded = code(*bound);
        if (search.report(coded.payload.size(), psnr_of(rmse_of(coded.values)))) best = std::move(coded);
      }
      if (search.met() || target.bytes > 0) {
        Coded whole = with_model(best);
        accept(meets(whole, target) ? std::move(whole) : std::move(best));
      }
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
    double bound = 0;  // as it is checked
    BoundedHeader header;
    size_t begin = 0;  // of what follows the header and the model in the payload
    BoundedModel model;
  };

  /// Within an absolute bound.
  Coded code(double bound) const { return code(bound, choose<T>({}, values_, bound), nullptr); }

  /// `model`: also a reference, and in the payload; or null.
  Coded code(double bound, std::vector<size_t> siblings, const SmallModel<T>* model) const {
    DecodedBlock<T> encoded;
    Coded out = code_in<T>({}, values_, bound, {}, std::move(siblings), model, encoded);
    out.bound = bound;
    out.values = std::move(encoded.values);
    return out;
  }

  /// Within the point-wise bound; what the values come back as is not known before they are decoded.
  Coded code_logarithms(const LogBound& y) const {
    const std::vector<T> before = last_step<T>(layout_, offered_.earlier);
    const auto signs = encode_signs<T>(layout_.grid, signs_of<T>(values_, specials_.skip()), specials_.skip(),
                                       before.empty() ? nullptr : before.data());
    const CodingDomain domain{true, log_shift(y.bound)};
    auto as = [&]<class C>(C) {
      DecodedBlock<C> encoded;
      const auto values = to_log<C>(std::span<const T>(values_), 0);
      return code_in<C>(domain, values, y.bound, signs, choose<C>(domain, values, y.bound), nullptr, encoded);
    };
    Coded out = sizeof(T) == 8 || y.as_double ? as(double{})
                                              : as(std::conditional_t<sizeof(T) == 4, float, double>{});
    out.bound = pointwise_;
    return out;
  }

  /// `values` [n] in layout order in the domain; `signs`: coded, of logarithms.
  template <class C>
  Coded code_in(const CodingDomain& domain, const std::vector<C>& values, double bound,
                std::span<const uint8_t> signs, std::vector<size_t> chosen, const SmallModel<C>* model,
                DecodedBlock<C>& encoded) const {
    Coded out;
    out.siblings = std::move(chosen);
    const auto siblings = pick(out.siblings);
    const References<T, C> references(layout_, domain, offered_.earlier, siblings);
    std::vector<Reference> list(references.list().begin(), references.list().end());
    if (model != nullptr) list.push_back({model->values.data(), nullptr, true});
    const auto residual =
        layout_.kind == LayoutKind::scattered
            ? encode_scattered<C>(layout_.plan, values.data(), specials_.skip(), bound, list, encoded)
            : encode_structured<C>(layout_.grid, values.data(), specials_.skip(), bound, list, encoded);
    const auto mask = encode_specials(layout_.grid, specials_);
    BoundedHeader& header = out.header = make_header(layout_, dtype());
    header.log = domain.log;
    header.log_as_double = header.log && sizeof(C) == 8;
    header.earlier = static_cast<uint8_t>(offered_.earlier.size());
    header.siblings = static_cast<uint8_t>(siblings.size());
    header.model_is_reference = model != nullptr;
    ByteWriter bytes;
    bytes.varint(mask.size());
    if (header.log) bytes.varint(signs.size());
    out.payload = bytes.take();
    for (const std::span<const uint8_t> part : {std::span<const uint8_t>(mask), signs, {residual}})
      out.payload.insert(out.payload.end(), part.begin(), part.end());
    begin_payload(out, model);
    return out;
  }

  /// Puts the header, and the model, before what there is of the payload.
  template <class C>
  static void begin_payload(Coded& coded, const SmallModel<C>* model) {
    coded.header.model = model != nullptr ? model->payload.size() : 0;
    ByteWriter out;
    write_header(out, coded.header);
    std::vector<uint8_t> begin = out.take();
    if (model != nullptr) {
      begin.insert(begin.end(), model->payload.begin(), model->payload.end());
      coded.model = {model->payload.size(), model->gaussians, model->psnr,  coded.header.model_is_reference,
                     model->iterations,     model->warm,      model->device};
    }
    coded.begin = begin.size();
    coded.payload.insert(coded.payload.begin(), begin.begin(), begin.end());
  }

  /// The block with a model, when one was asked for and is of use; coded against it where that is shorter. It
  /// stays within kModelMayAdd of what it was: a model that was asked for larger gives way to one of the
  /// automatic size.
  Coded with_model(Coded plain) const {
    const size_t before = plain.payload.size();
    // With history a large model does not pay (docs/residual.md), and costs seconds to find that out.
    const double asked = plain.header.earlier > 0 ? -1.0 : model_.share;
    for (const double share : {asked, -1.0}) {
      if (model_.share == 0) break;
      const auto m = fit_layer<T>(layout_, values_, specials_.skip(), metrics_.value_min, metrics_.value_max,
                                  model_bytes(share, before, values_.size()), share > 0, model_.previous);
      if (m.payload.empty()) break;
      Coded coded = plain;
      coded.payload.erase(coded.payload.begin(), coded.payload.begin() + std::ptrdiff_t(plain.begin));
      begin_payload(coded, &m);
      if (model_helps(plain, m)) {
        Coded helped = code(plain.bound, plain.siblings, &m);
        if (helped.payload.size() < coded.payload.size()) coded = std::move(helped);
      }
      const auto after = static_cast<double>(coded.payload.size() + kModelCertificateBytes);
      if (after <= (1 + kModelMayAdd) * static_cast<double>(before)) return coded;
    }
    return plain;
  }

  bool model_helps(const Coded& plain, const SmallModel<T>& model) const {
    if (plain.header.exact || plain.header.log) return false;
    const auto siblings = pick(plain.siblings);
    const References<T, T> references(layout_, {}, offered_.earlier, siblings);
    return helps<T>(layout_, values_, specials_.skip(), plain.bound, references.list(), model.values);
  }

  /// Takes it as the result, unless a value of the decoded payload is off by more than the bound.
  void accept(Coded coded) {
    result_.payload = std::move(coded.payload);
    if (!check({offered_.earlier, pick(coded.siblings)}, coded.bound)) return;
    result_.siblings = std::move(coded.siblings);
    result_.uses_earlier = !offered_.earlier.empty();
    result_.bound = coded.bound;
    result_.model = coded.model;
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
    Coded exact;
    exact.header = make_header(layout_, dtype());
    exact.header.exact = true;
    exact.payload = encode_exact(
        {reinterpret_cast<const uint8_t*>(values_.data()), values_.size() * sizeof(T)}, sizeof(T));
    begin_payload<T>(exact, nullptr);
    if (result_.bound > 0 && result_.payload.size() <= exact.payload.size()) return;
    result_ = {};
    exact = with_model(std::move(exact));
    result_.payload = std::move(exact.payload);
    result_.model = exact.model;
    if (!check({}, 0))
      throw Error(Code::invalid_argument, "Expected values that are stored exactly to decode exactly");
  }

  template <class C>
  std::vector<size_t> choose(const CodingDomain& domain, const std::vector<C>& values, double bound) const {
    if (offered_.siblings.empty()) return {};
    std::deque<std::vector<C>> kept;
    auto view = [&](const SharedState& state) {
      return in_domain<T, C>(state, values_.size(), domain, kept);
    };
    // In array order: states are, and the rule does not care which of the orders it samples.
    const std::vector<C> in_order = from_layout(layout_, values);
    const std::vector<uint8_t> skip = from_layout(layout_, specials_.mask);
    std::vector<std::span<const C>> earlier, candidates;
    std::vector<size_t> index;
    for (const auto& s : offered_.earlier) earlier.push_back(view(s));
    for (size_t c = 0; c < offered_.siblings.size(); c++)
      if (const auto& s = offered_.siblings[c];
          s && s->size() == values_.size() && std::holds_alternative<std::vector<T>>(s->values)) {
        candidates.push_back(view(s));
        index.push_back(c);
      }
    auto chosen = choose_siblings<C>(in_order, skip.empty() ? nullptr : skip.data(), bound, earlier,
                                     candidates, kMaxSiblings);
    for (size_t& c : chosen) c = index[c];
    return chosen;
  }

  bool meets(const Coded& coded, const RateTarget& target) const {
    return target.bytes > 0 ? coded.payload.size() <= target.bytes
                            : psnr_of(rmse_of(coded.values)) >= target.psnr;
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
  bool check(const BoundedReferences& used, double bound) {
    DecodedPayload<T> decoded = decode_payload_as<T>(layout_, result_.payload, used);
    double squares = 0, largest = 0, relative = 0;
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
      if (pointwise_ > 0) relative = std::max(relative, error / std::fabs(static_cast<double>(values_[i])));
      if (!((pointwise_ > 0 ? relative : error) <= bound)) return false;
      largest = std::max(largest, error);
      squares += error * error;
    }
    metrics_.max_error = largest;
    if (pointwise_ > 0) metrics_.max_relative_error = relative;
    metrics_.rmse = mean_root(squares);
    metrics_.psnr = psnr_of(metrics_.rmse);
    metrics_.crc = crc_of(from_layout(layout_, std::move(decoded.values)));
    result_.state = make_state(layout_, std::move(decoded.block));
    return true;
  }

  static constexpr Dtype dtype() { return sizeof(T) == 4 ? Dtype::f32 : Dtype::f64; }

  const Layout& layout_;
  const BoundedReferences& offered_;
  const ModelRequest model_;
  const std::vector<T> values_;  // layout order
  const double pointwise_;       // 0: the bound is absolute
  Specials<T> specials_;
  Metrics metrics_;
  BoundedResult result_;
};

}  // namespace

BoundedResult encode_bounded(const Layout& layout, const ArrayView& values, const BoundTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered,
                             const ModelRequest& model) {
  if (values.dtype == Dtype::f32)
    return BlockEncoder<float>(layout, values, target.pointwise, fills, offered, model).encode(target);
  return BlockEncoder<double>(layout, values, target.pointwise, fills, offered, model).encode(target);
}

BoundedResult encode_to_rate(const Layout& layout, const ArrayView& values, const RateTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered,
                             const ModelRequest& model) {
  if (values.dtype == Dtype::f32)
    return BlockEncoder<float>(layout, values, 0, fills, offered, model).encode(target);
  return BlockEncoder<double>(layout, values, 0, fills, offered, model).encode(target);
}

}  // namespace gaussitu
