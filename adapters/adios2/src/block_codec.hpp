// One block alone as bytes within a strict bound: what the operator stores in BP5 files and SST streams. No
// history and no siblings: an operator sees single blocks and keeps no state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gaussitu::adios2_adapter {

struct BlockBound {
  double value = 0;  // field units, or of the block's value range; 0: bit for bit
  bool relative = false;
};

/// Most bytes that encode_block can take.
size_t largest_encoded(size_t values, size_t value_bytes);

/// `data`: values of f32 (value_bytes 4) or f64 (8), `dims` x fastest. Layout: "GoB" 1, value_bytes u8, axes
/// u8, dims u64 each, then the payload of docs/format.md (bounded payload).
std::vector<uint8_t> encode_block(const void* data, size_t value_bytes, std::span<const uint64_t> dims,
                                  const BlockBound& bound);

/// Writes the values to `out` and returns their size in bytes. Throws gaussitu::Error for bytes that are
/// damaged. `out` must have the room that the block's dims ask for.
size_t decode_block(std::span<const uint8_t> bytes, void* out);

}  // namespace gaussitu::adios2_adapter
