// Error-bounded coding of one field on one block: |x - decoded| <= bound for every finite value, special
// values (NaN, infinities, -0, subnormal numbers, declared fills) exactly.
//
// The payload says how the block was coded: as a residual against what the decoder has (docs/residual.md), or
// exactly (byte planes, deflated) where no bound can be used or the residual would be longer. Every payload
// is decoded before it is returned; a residual that fails the check is replaced by the exact form.
#pragma once
#include <memory>
#include <optional>
#include <span>

#include "bounded/field_state.hpp"
#include "bounded/layout.hpp"
#include "bounded/model_layer.hpp"
#include "encode/encode.hpp"

namespace gaussitu {

using SharedState = std::shared_ptr<const FieldState>;

/// What is asked for: `absolute` in field units, or, when that is negative, `relative` to the value range of
/// this block (fills and non-finite values left out), or, when `pointwise` is above 0, relative to each
/// value: |x - decoded| <= pointwise |x|, zeros exactly, signs kept.
struct BoundTarget {
  double absolute = -1;
  double relative = 0;
  double pointwise = 0;  // below 1
};

/// A size or a quality instead of a bound: the bound is searched for. Exactly one of `bytes` and `psnr` is
/// above 0.
struct RateTarget {
  size_t bytes = 0;  // payload, met from below within 2 % (never above, unless the least payload is)
  double psnr = 0;   // dB over the value range, met from above within 0.1 dB
  double guess = 0;  // a bound to begin with, field units: that of the step before; 0: none
};

/// Decoded blocks with as many values and of the same type, which the decoder must be given again.
struct BoundedReferences {
  std::vector<SharedState> earlier;   // of this field, latest first
  std::vector<SharedState> siblings;  // other fields at this step
};

/// The model that a payload has, or bytes 0.
struct BoundedModel {
  size_t bytes = 0, gaussians = 0;
  double psnr = 0;         // dB, of the model alone at the samples
  bool reference = false;  // the residual is coded against it
  int iterations = 0;
  bool warm = false;
  std::string device;  // that trained it: Device::name()
};

struct BoundedResult {
  std::vector<uint8_t> payload;
  Metrics metrics;               // from a decode of these bytes; value range without fills
  double bound = 0;              // that was used, field units (pointwise: relative); 0: exact
  SharedState state;             // for later steps and siblings
  std::vector<size_t> siblings;  // which of the offered siblings the decoder needs, in its order
  bool uses_earlier = false;     // whether the decoder needs the earlier steps
  BoundedModel model;
};

inline constexpr size_t kMaxEarlier = 2, kMaxSiblings = 2;

/// `offered.siblings` may be any number: at most kMaxSiblings are chosen (choose_siblings.hpp).
/// `fills`: values that are special, compared after rounding to the field's type.
BoundedResult encode_bounded(const Layout& layout, const ArrayView& values, const BoundTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered,
                             const ModelRequest& model = {});

/// The model in a payload: what decode_payload() takes; empty when there is none. Throws corrupt_stream,
/// unsupported.
std::span<const uint8_t> model_of(std::span<const uint8_t> payload);

/// The same with the widest bound that reaches a quality, or the tightest that a size allows
/// (rate_search.hpp).
BoundedResult encode_to_rate(const Layout& layout, const ArrayView& values, const RateTarget& target,
                             std::span<const double> fills, const BoundedReferences& offered,
                             const ModelRequest& model = {});

struct BoundedDecoded {
  SharedState state;
  std::optional<FieldState::Values> restored;  // with the special values, where there are any

  /// [values] without ghosts.
  const FieldState::Values& values() const { return restored ? *restored : state->values; }
};

/// Throws corrupt_stream, unsupported.
BoundedDecoded decode_bounded(const Layout& layout, Dtype dtype, std::span<const uint8_t> payload,
                              const BoundedReferences& references);

}  // namespace gaussitu
