// The model as bytes: quantised, entropy-coded, versioned. docs/format.md specifies every byte.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/model.hpp"

namespace gaussitu {

/// Quantiser steps, all relative: chosen by the encoder, stored in the payload.
struct QuantSteps {
  float position = 0;  // model units
  float shape = 0;     // of log diagonal and relative off-diagonal
  float value = 0;     // scaled value
};

/// Replaces every parameter by its decoded value and sorts the Gaussians into payload order.
void quantise(Model& model, const QuantSteps& steps);

/// Bytes of a model that was quantised with these steps: decode_payload(encode_payload(m, s)) == m, bit for
/// bit.
std::vector<uint8_t> encode_payload(const Model& model, const QuantSteps& steps);

/// Throws corrupt_stream or unsupported; reads no byte outside `bytes`, allocates no more than a small
/// multiple of its size allows.
Model decode_payload(std::span<const uint8_t> bytes);

}  // namespace gaussitu
