#include "stream/payload.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "stream/gaussian_coder.hpp"

namespace gaussitu {

namespace {

constexpr uint8_t kMagic[2] = {'G', 's'};

uint32_t checksum(std::span<const uint8_t> bytes) {
  return static_cast<uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

/// Least squares per parameter: how much of its neighbours' deviation from the mean a Gaussian shares.
Prediction fit_prediction(const QuantisedModel& q) {
  Prediction prediction;
  const size_t n = q.count();
  for (int k = 0; k < kCodedParameters; ++k) {
    double sum = 0;
    for (const int32_t x : q.parameter[k]) sum += x;
    prediction.mean[k] = static_cast<int32_t>(std::lround(sum / static_cast<double>(n)));
  }
  std::vector<std::array<uint32_t, 3>> place(n);
  std::array<double, kCodedParameters> xy{}, xx{};
  for (size_t i = 0; i < n; ++i) {
    place[i] = q.lattice.decode(q.cell[i]);
    if (i < kNeighbours) continue;
    const auto near = nearest_before(place, i);
    for (int k = 0; k < kCodedParameters; ++k) {
      double x = 0;
      for (const size_t j : near) x += q.parameter[k][j] - prediction.mean[k];
      x /= kNeighbours;
      xy[k] += x * (q.parameter[k][i] - prediction.mean[k]);
      xx[k] += x * x;
    }
  }
  for (int k = 0; k < kCodedParameters; ++k)
    prediction.weight[k] =
        xx[k] > 0 ? static_cast<uint8_t>(std::lround(64 * std::clamp(xy[k] / xx[k], 0.0, 1.0))) : 0;
  return prediction;
}

/// Checks what goes before the header and returns a reader at the header.
ByteReader open(std::span<const uint8_t> bytes) {
  ByteReader in(bytes);
  if (in.u8() != kMagic[0] || in.u8() != kMagic[1])
    throw Error(Code::corrupt_stream, "Not a Gaussitu payload: expected bytes that start with \"Gs\"");
  const uint8_t version = in.u8();
  if (version != kPayloadVersion)
    throw Error(Code::unsupported, "Payload has version " + std::to_string(version) +
                                       " but this build reads version " + std::to_string(kPayloadVersion) +
                                       "; read it with a newer Gaussitu");
  const uint32_t expected = in.u32();
  if (checksum(in.rest()) != expected)
    throw Error(Code::corrupt_stream,
                "Payload is damaged: its checksum does not match (truncated or changed bytes)");
  return in;
}

}  // namespace

std::vector<uint8_t> encode_payload(const QuantisedModel& q) {
  Header header{q.header, q.count(), q.steps, q.lattice, {}};
  if (q.count() > 0) header.prediction = fit_prediction(q);
  ByteWriter writer;
  write_header(writer, header);
  std::vector<uint8_t> body = writer.take();
  if (q.count() > 0) {
    RangeEncoder coder;
    QuantisedModel symbols = q;
    code_gaussians(coder, symbols, header.prediction);
    const auto coded = coder.finish();
    body.insert(body.end(), coded.begin(), coded.end());
  }
  body.resize(std::max(body.size(), q.count() / kMaxGaussiansPerByte + 1));

  ByteWriter out;
  out.u8(kMagic[0]);
  out.u8(kMagic[1]);
  out.u8(kPayloadVersion);
  out.u32(checksum(body));
  std::vector<uint8_t> bytes = out.take();
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

QuantisedModel parse_payload(std::span<const uint8_t> bytes) {
  ByteReader in = open(bytes);
  const Header header = read_header(in, bytes.size());
  QuantisedModel q;
  q.header = header.model;
  q.steps = header.steps;
  q.lattice = header.lattice;
  if (header.count == 0) return q;
  q.resize(header.count);
  RangeDecoder coder(in.rest());
  code_gaussians(coder, q, header.prediction);
  return q;
}

PayloadInfo describe_payload(std::span<const uint8_t> bytes) {
  ByteReader in = open(bytes);
  const Header header = read_header(in, bytes.size());
  return {header.model, header.count, kPayloadVersion};
}

}  // namespace gaussitu
