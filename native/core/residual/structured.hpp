// Error-bounded coding of a structured block: multi-level interpolation whose predictors are learned by least
// squares from what the decoder already has (design after Zhao et al., SZ3; learned, temporal and cross-field
// predictors after NeurLZ, but solved in closed form inside the quantisation loop).
//   Input:  values [x fastest] without special values, references of the same shape, an absolute bound above
//   0. Output: a byte stream; the decoded values (|x - decoded| <= bound for each) and the magnitudes of
//   their codes,
//           which later steps use as contexts.
// The bytes and the decoded values do not depend on thread count or instruction set.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "residual/residual_coder.hpp"

namespace gaussitu {

/// `skip` [points], may be null: points with a non-zero entry cost nothing and decode to some finite value.
template <class T>
std::vector<uint8_t> encode_structured(const GridShape& shape, const T* values, const uint8_t* skip,
                                       double bound, std::span<const Reference> references,
                                       DecodedBlock<T>& decoded);

/// Throws corrupt_stream. Must be given the same shape, skip and references as the encoder.
template <class T>
void decode_structured(const GridShape& shape, std::span<const uint8_t> bytes, const uint8_t* skip,
                       std::span<const Reference> references, DecodedBlock<T>& decoded);

}  // namespace gaussitu
