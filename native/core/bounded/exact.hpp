// Values stored bit for bit: byte planes (all first bytes, all second bytes, ...), deflated.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace gaussitu {

/// `width`: bytes per value. At most 0.1 % and a few bytes longer than `raw`.
std::vector<uint8_t> encode_exact(std::span<const uint8_t> raw, size_t width);

/// Throws corrupt_stream unless exactly `size` bytes come out.
std::vector<uint8_t> decode_exact(std::span<const uint8_t> bytes, size_t size, size_t width);

}  // namespace gaussitu
