#include "stream/envelope.hpp"

#include <zlib.h>

#include <string>

#include "base/error.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

namespace {

constexpr uint8_t kMagic[2] = {'G', 's'};

uint32_t checksum(std::span<const uint8_t> bytes) {
  return static_cast<uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

}  // namespace

std::vector<uint8_t> sealed(const std::vector<uint8_t>& body) {
  ByteWriter out;
  out.u8(kMagic[0]);
  out.u8(kMagic[1]);
  out.u8(kPayloadVersion);
  out.u32(checksum(body));
  std::vector<uint8_t> bytes = out.take();
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

ByteReader opened_cut(std::span<const uint8_t> bytes, bool& whole) {
  ByteReader in(bytes);
  if (in.u8() != kMagic[0] || in.u8() != kMagic[1])
    throw Error(Code::corrupt_stream, "Not a Gaussitu payload: expected bytes that start with \"Gs\"");
  const uint8_t version = in.u8();
  if (version != kPayloadVersion)
    throw Error(Code::unsupported, "Payload has version " + std::to_string(version) +
                                       " but this build reads version " + std::to_string(kPayloadVersion) +
                                       "; read it with a newer Gaussitu");
  whole = in.u32() == checksum(in.rest());
  return in;
}

ByteReader opened(std::span<const uint8_t> bytes) {
  bool whole = false;
  ByteReader in = opened_cut(bytes, whole);
  if (!whole)
    throw Error(Code::corrupt_stream,
                "Payload is damaged: its checksum does not match (truncated or changed bytes)");
  return in;
}

}  // namespace gaussitu
