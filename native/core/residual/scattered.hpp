// Error-bounded coding of values at scattered points: level-of-detail order, each level predicted by least
// squares from nearest decoded neighbours, earlier steps and siblings. Contract as in structured.hpp.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "residual/neighbours.hpp"
#include "residual/residual_coder.hpp"

namespace gaussitu {

template <class T>
std::vector<uint8_t> encode_scattered(const NeighbourPlan& plan, const T* values, const uint8_t* skip,
                                      double bound, std::span<const Reference> references,
                                      DecodedBlock<T>& decoded);

/// Throws corrupt_stream. Must be given the same plan, skip and references as the encoder.
template <class T>
void decode_scattered(const NeighbourPlan& plan, std::span<const uint8_t> bytes, const uint8_t* skip,
                      std::span<const Reference> references, DecodedBlock<T>& decoded);

}  // namespace gaussitu
