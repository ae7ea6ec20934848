// Level of detail: the first Gaussians of a payload as a model of its own.
#pragma once
#include <cstdint>
#include <span>

#include "quantize/quantised_model.hpp"

namespace gaussitu {

/// The model of the first of a payload's n Gaussians, coarse to fine: max(1, part n) of them, 0 < part <= 1,
/// or as many as are whole in `bytes`, which may be cut anywhere after the header. Gaussians are widened by
/// (n / their number)^(1 / axes of the domain), so that as many as before reach a point; a whole payload at
/// part 1 is unchanged. Throws like parse_payload, and invalid_argument where the payload holds changes or
/// part is out of range.
QuantisedModel parse_coarser(std::span<const uint8_t> bytes, double part);

}  // namespace gaussitu
