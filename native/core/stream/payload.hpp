// The model as bytes: quantised, entropy-coded, versioned. docs/format.md specifies every byte.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/model.hpp"
#include "quantize/quantised_model.hpp"

namespace gaussitu {

inline constexpr uint8_t kPayloadVersion = 1;
/// A payload holds at least one bit per Gaussian (padded if it must be): what a reader may allocate is thus
/// bounded by a small multiple of the bytes it was given.
inline constexpr size_t kMaxGaussiansPerByte = 8;
inline constexpr size_t kMaxGaussians = size_t{1} << 24;

/// Bytes of a quantised model: decode_payload(encode_payload(q)) == from_integers(q), bit for bit.
std::vector<uint8_t> encode_payload(const QuantisedModel& q);

/// Bytes of what changed since `base`, the model of the step before; `q.origin` says which of its Gaussians
/// have come from which of it. Empty where that can't be told: another domain, another lattice, no origins.
/// parse_payload() gives q's Gaussians back, bit for bit.
std::vector<uint8_t> encode_delta(const QuantisedModel& q, const QuantisedModel& base);

/// Whether a payload holds changes alone. Throws like parse_payload.
bool is_delta(std::span<const uint8_t> bytes);

/// Throws corrupt_stream (damaged, truncated, of changes to another model) or unsupported (a newer version),
/// and invalid_argument where changes come without a base. Reads no byte outside `bytes`. `base`: the model
/// of the step before, looked at for changes only.
QuantisedModel parse_payload(std::span<const uint8_t> bytes, const QuantisedModel* base = nullptr);
inline Model decode_payload(std::span<const uint8_t> bytes) {
  return from_integers(parse_payload(bytes));
}

/// The header alone: domain, value scaling, number of Gaussians. Throws like parse_payload.
struct PayloadInfo {
  Model header;
  size_t gaussians = 0;
  uint8_t version = 0;
};
PayloadInfo describe_payload(std::span<const uint8_t> bytes);

}  // namespace gaussitu
