// What is around every payload: "Gs", a version, a checksum of all that follows.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "stream/byte_io.hpp"

namespace gaussitu {

/// `body` within its envelope.
std::vector<uint8_t> sealed(const std::vector<uint8_t>& body);

/// Checks the envelope and returns a reader at what is inside. Throws corrupt_stream or unsupported.
ByteReader opened(std::span<const uint8_t> bytes);

/// The same without the checksum: `whole` says whether it matches.
ByteReader opened_cut(std::span<const uint8_t> bytes, bool& whole);

}  // namespace gaussitu
