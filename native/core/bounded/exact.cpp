#include "bounded/exact.hpp"

#include <zlib.h>

#include <string>

#include "base/error.hpp"

namespace gaussitu {

std::vector<uint8_t> encode_exact(std::span<const uint8_t> raw, size_t width) {
  const size_t n = raw.size() / width;
  std::vector<uint8_t> planes(raw.size());
  for (size_t i = 0; i < n; i++)
    for (size_t b = 0; b < width; b++) planes[b * n + i] = raw[i * width + b];
  std::vector<uint8_t> out(compressBound(planes.size()));
  uLongf length = out.size();
  if (compress2(out.data(), &length, planes.data(), planes.size(), 6) != Z_OK) throw std::bad_alloc();
  out.resize(length);
  return out;
}

std::vector<uint8_t> decode_exact(std::span<const uint8_t> bytes, size_t size, size_t width) {
  std::vector<uint8_t> planes(size + 1);  // one more, to notice a stream that is too long
  uLongf length = planes.size();
  const int status = uncompress(planes.data(), &length, bytes.data(), bytes.size());
  if (status != Z_OK || length != size)
    throw Error(Code::corrupt_stream, "Exact values are damaged: expected " + std::to_string(size) +
                                          " bytes but received " + std::to_string(length));
  const size_t n = size / width;
  std::vector<uint8_t> raw(size);
  for (size_t i = 0; i < n; i++)
    for (size_t b = 0; b < width; b++) raw[i * width + b] = planes[b * n + i];
  return raw;
}

}  // namespace gaussitu
