#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "bounded/arrange.hpp"
#include "bounded/block_coder.hpp"
#include "bounded/certificate.hpp"
#include "bounded/rate_search.hpp"

namespace gaussitu {

namespace {

// Shares that are searched for the best: from the middle on to either side as long as it gets better.
constexpr double kShares[] = {0.05, 0.1, 0.2, 0.4};
constexpr size_t kMiddleShare = 2;

template <class T>
std::vector<T> as(std::span<const double> fills, bool zero) {
  std::vector<T> own;
  for (const double fill : fills) own.push_back(static_cast<T>(fill));
  if (zero) own.push_back(T{0});
  return own;
}

template <class T>
class BlockEncoder {
  using Coded = CodedBlock<T>;
  using Candidate = std::optional<Coded>;

 public:
  BlockEncoder(const Layout& layout, const ArrayView& view, double pointwise, std::span<const double> fills,
               const BoundedReferences& offered, const ModelRequest& model)
      : layout_(layout),
        offered_(offered),
        model_(model),
        values_(layout, view),
        pointwise_(pointwise),
        certificate_(layout, values_.span(), pointwise > 0, as<T>(fills, false)),
        specials_(find_specials<T>(values_.span(), as<T>(fills, pointwise > 0))),
        coder_(layout, values_.span(), specials_, offered) {
    if (!(pointwise < 1))
      throw Error(Code::invalid_argument,
                  "Expected a point-wise relative bound below 1 but received " + std::to_string(pointwise));
    if (offered.earlier.size() > kMaxEarlier)
      throw Error(Code::invalid_argument,
                  "Expected at most 2 earlier steps but received " + std::to_string(offered.earlier.size()));
  }

  BoundedResult encode(const BoundTarget& target) {
    if (pointwise_ > 0) {
      const LogBound y = log_bound<T>(values_.span(), specials_.skip(), pointwise_);
      if (y.bound > 0) accept(with_small_model(coder_.code_logarithms(y, pointwise_)));
      return finish();
    }
    double bound = target.absolute;
    // Two products: the range itself may be beyond the largest number.
    const Metrics& m = certificate_.metrics();
    if (bound < 0) bound = target.relative * m.value_max - target.relative * m.value_min;
    if (bound > 0 && std::isfinite(bound)) accept(with_model(coder_.code(bound)));
    return finish();
  }

  BoundedResult encode(const RateTarget& target) {
    const double range = certificate_.range();
    if (!(range > 0) || !std::isfinite(range)) return finish();
    RateTarget plain = target;  // a small model that is put in afterwards has its bytes set aside
    if (model_.share != 0 && target.bytes > 0)
      plain.bytes = std::max<size_t>(1, static_cast<size_t>(double(target.bytes) / (1 + kModelMayAdd)));
    Coded best = reach(plain, nullptr);
    if (target.bytes == 0 && !meets(best, target)) return finish();
    if (Coded whole = with_small_model(best); meets(whole, target)) best = std::move(whole);
    // Or a large one, whose bytes the residual does not get.
    const size_t bytes = target.bytes > 0 ? target.bytes : best.payload.size();
    if (Candidate split = best_share([&](double share) { return reach_beside(share, bytes, target); },
                                     [&](const Coded& a, const Coded& b) { return better(a, b, target); });
        split && better(*split, best, target))
      best = std::move(*split);
    accept(std::move(best));
    return finish();
  }

 private:
  /// The values in layout order: the caller's own where they lie like that.
  class Values {
   public:
    Values(const Layout& layout, const ArrayView& view)
        : own_(lies_in_order<T>(layout, view) ? std::vector<T>() : gather<T>(layout, view)),
          span_(own_.empty() ? std::span(static_cast<const T*>(view.data), view.count)
                             : std::span<const T>(own_)) {}
    std::span<const T> span() const { return span_; }

   private:
    std::vector<T> own_;
    std::span<const T> span_;
  };

  /// The block at the bound that comes nearest to a size or a quality, coded against a model or without.
  Coded reach(const RateTarget& target, const SmallModel<T>* model) const {
    RateSearch search(target, certificate_.range(), values_.span().size());
    Coded best;
    while (const auto bound = search.next()) {
      Coded coded = coder_.code(*bound);
      if (model != nullptr) coded = coder_.code(*bound, std::move(coded.siblings), model);
      if (search.report(coded.payload.size(), psnr_of(coded))) best = std::move(coded);
    }
    return best;
  }

  /// That with a model of a share of the bytes; none when nothing useful fits or the target is missed.
  Candidate reach_beside(double share, size_t bytes, const RateTarget& target) const {
    const auto model = fit(share, bytes);
    if (model.payload.empty()) return {};
    Coded coded = reach(target, &model);
    if (!meets(coded, target)) return {};
    return coded;
  }

  /// The block with a model of the size that was asked for, when that is of use.
  Coded with_model(Coded plain) const {
    const auto beside = [&](double share) { return with_share(plain, share); };
    const auto shorter = [](const Coded& a, const Coded& b) { return a.payload.size() < b.payload.size(); };
    if (Candidate large = best_share(beside, shorter)) return std::move(*large);
    return with_small_model(std::move(plain));
  }

  Coded with_small_model(Coded plain) const {
    if (model_.share == 0) return plain;
    Candidate small = with_share(plain, kAutomaticModel);
    return std::move(small ? *small : plain);
  }

  /// The best of the blocks with large models, as `make(share)` makes them; none when none is asked for.
  template <class Make, class Better>
  Candidate best_share(const Make& make, const Better& better) const {
    // With history a large model does not pay (docs/residual.md), and costs seconds to find that out.
    if (!offered_.earlier.empty()) return {};
    if (model_.share > 0) return make(model_.share);
    if (model_.share != kBestModel) return {};
    Candidate best = make(kShares[kMiddleShare]);
    for (const int step : {1, -1}) {
      bool improved = false;
      for (size_t i = kMiddleShare + size_t(step); i < std::size(kShares); i += size_t(step)) {
        Candidate next = make(kShares[i]);
        if (!next || (best && !better(*next, *best))) break;
        best = std::move(next);
        improved = true;
      }
      if (improved) break;
    }
    return best;
  }

  /// The block with a model, coded against it where that is shorter; none when nothing useful fits, or the
  /// block becomes longer than by kModelMayAdd.
  Candidate with_share(const Coded& plain, double share) const {
    const size_t before = plain.payload.size();
    const auto model = fit(share, before);
    if (model.payload.empty()) return {};
    Coded coded = coder_.beside(model, plain);
    if (coder_.helps(model, plain)) {
      Coded helped = coder_.code(plain.bound, plain.siblings, &model);
      if (helped.payload.size() < coded.payload.size()) coded = std::move(helped);
    }
    const auto after = static_cast<double>(coded.payload.size() + kModelCertificateBytes);
    if (after > (1 + kModelMayAdd) * static_cast<double>(before)) return {};
    return coded;
  }

  SmallModel<T> fit(double share, size_t bytes) const {
    const Metrics& m = certificate_.metrics();
    return fit_layer<T>(layout_, values_.span(), specials_.skip(), m.value_min, m.value_max,
                        model_bytes(share, bytes, values_.span().size()), share > 0, model_.previous);
  }

  double psnr_of(const Coded& coded) const { return certificate_.psnr(coded.values, specials_); }
  bool meets(const Coded& coded, const RateTarget& target) const {
    return target.bytes > 0 ? coded.payload.size() <= target.bytes : psnr_of(coded) >= target.psnr;
  }
  bool better(const Coded& a, const Coded& b, const RateTarget& target) const {
    return target.bytes > 0 ? psnr_of(a) > psnr_of(b) : a.payload.size() < b.payload.size();
  }

  /// Takes it as the result, unless a value of the decoded payload is off by more than the bound.
  bool accept(Coded coded) {
    const BoundedReferences used{coded.bound > 0 ? offered_.earlier : std::vector<SharedState>(),
                                 coder_.pick(coded.siblings)};
    DecodedPayload<T> decoded = decode_payload_as<T>(layout_, coded.payload, used);
    if (!certificate_.certify(decoded.whole(), specials_, coded.bound)) return false;
    result_.payload = std::move(coded.payload);
    result_.state = make_state(layout_, std::move(decoded.block));
    result_.siblings = std::move(coded.siblings);
    result_.uses_earlier = !used.earlier.empty();
    result_.bound = coded.bound;
    result_.model = coded.model;
    return true;
  }

  /// Byte planes instead, unless the residual that was accepted is shorter.
  BoundedResult finish() {
    if (result_.bound == 0 || result_.payload.size() > values_.span().size_bytes() / 2) {
      Coded exact = coder_.code_exactly();
      if (result_.bound == 0 || exact.payload.size() < result_.payload.size())
        if (!accept(with_small_model(std::move(exact))))
          throw Error(Code::invalid_argument, "Expected values that are stored exactly to decode exactly");
    }
    result_.metrics = certificate_.metrics();
    return std::move(result_);
  }

  const Layout& layout_;
  const BoundedReferences& offered_;
  const ModelRequest model_;
  const Values values_;
  const double pointwise_;  // 0: the bound is absolute
  Certificate<T> certificate_;
  const Specials<T> specials_;
  const BlockCoder<T> coder_;
  BoundedResult result_;
};

template <class Target>
BoundedResult encode_as(const Layout& layout, const ArrayView& values, const Target& target, double pointwise,
                        std::span<const double> fills, const BoundedReferences& offered,
                        const ModelRequest& model) {
  if (values.dtype == Dtype::f32)
    return BlockEncoder<float>(layout, values, pointwise, fills, offered, model).encode(target);
  return BlockEncoder<double>(layout, values, pointwise, fills, offered, model).encode(target);
}

}  // namespace

BoundedResult encode_bounded(const Layout& layout, const ArrayView& values, const BoundTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered,
                             const ModelRequest& model) {
  return encode_as(layout, values, target, target.pointwise, fills, offered, model);
}

BoundedResult encode_to_rate(const Layout& layout, const ArrayView& values, const RateTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered,
                             const ModelRequest& model) {
  return encode_as(layout, values, target, 0, fills, offered, model);
}

}  // namespace gaussitu
