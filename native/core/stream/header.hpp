// The fixed part of a payload: everything but the Gaussians.
#pragma once
#include <array>

#include "quantize/quantised_model.hpp"
#include "stream/byte_io.hpp"

namespace gaussitu {

/// How the parameters of a Gaussian are predicted from those of its neighbours (stream/gaussian_coder.hpp).
struct Prediction {
  std::array<int32_t, kCodedParameters> mean{};
  std::array<uint8_t, kParameterKinds> weight{};  // of the neighbours' mean deviation, 1/64
};

/// In the first byte of a header: it refers to the model of the step before.
inline constexpr uint8_t kDeltaFlag = 4;

struct Header {
  bool delta = false;        // refers to the model of the step before
  uint32_t fingerprint = 0;  // of that model
  size_t born = 0;           // delta: Gaussians that it does not have
  Model model;               // domain, value scaling, mean, coverage; no Gaussians
  size_t count = 0;
  QuantSteps steps;
  Lattice lattice;
  Prediction prediction;

  /// A model with this header and room for n Gaussians.
  QuantisedModel model_of(size_t n) const;
};

void write_header(ByteWriter& out, const Header& header);
/// Reads and validates; `size` is the length of the whole payload. Domain and lattice of a delta are those of
/// `base`, which may be null for everything else; throws invalid_argument where it is missing.
Header read_header(ByteReader& in, size_t size, const QuantisedModel* base);

}  // namespace gaussitu
