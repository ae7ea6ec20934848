#include "stream/payload.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "stream/delta_coder.hpp"
#include "stream/envelope.hpp"
#include "stream/gaussian_coder.hpp"
#include "stream/reference.hpp"

namespace gaussitu {

namespace {

/// Least squares per kind of parameter: how much of its neighbours' deviation from the mean a Gaussian
/// shares.
Prediction fit_prediction(const QuantisedModel& q) {
  Prediction prediction;
  const size_t n = q.count();
  for (int k = 0; k < kCodedParameters; ++k) {
    double sum = 0;
    for (const int32_t x : q.parameter[k]) sum += x;
    prediction.mean[k] = static_cast<int32_t>(std::lround(sum / static_cast<double>(n)));
  }
  std::vector<std::array<uint32_t, 3>> place(n);
  for (size_t i = 0; i < n; ++i) place[i] = q.lattice.decode(q.cell[i]);
  std::array<double, kParameterKinds> xy{}, xx{};
  size_t before = 0;
  from_coarse_to_fine(n, [&](size_t i, size_t s) {
    if (before++ < kNeighbours) return;
    const auto near = nearest_before(place, i, s);
    for (int k = 0; k < kCodedParameters; ++k) {
      double x = 0;
      for (const size_t j : near) x += q.parameter[k][j] - prediction.mean[k];
      x /= kNeighbours;
      xy[kind_of(k)] += x * (q.parameter[k][i] - prediction.mean[k]);
      xx[kind_of(k)] += x * x;
    }
  });
  for (int k = 0; k < kParameterKinds; ++k)
    prediction.weight[k] =
        xx[k] > 0 ? static_cast<uint8_t>(std::lround(64 * std::clamp(xy[k] / xx[k], 0.0, 1.0))) : 0;
  return prediction;
}

void append(std::vector<uint8_t>& body, const std::vector<uint8_t>& more) {
  body.insert(body.end(), more.begin(), more.end());
}

/// Whether every difference is one that the coder can write.
bool expressible(const QuantisedModel& q, size_t i, const ModelReference& reference, size_t j) {
  constexpr int64_t kMost = 1 << 29;
  std::array<int32_t, kCodedParameters> p{};
  for (int k = 0; k < kCodedParameters; ++k) {
    p[k] = q.parameter[k][i];
    if (std::abs(int64_t{p[k]} - reference.parameter(k, j)) > kMost) return false;
  }
  const auto a = shape_of(p, q.steps);
  const auto cell = q.lattice.decode(q.cell[i]);
  for (int k = 0; k < 3; ++k) {
    const uint32_t parts = divisions(q.lattice, k, a, q.steps.position);
    const int64_t at = static_cast<int64_t>(cell[k]) * parts + q.sub[k][i];
    if (std::abs(at - reference.part(k, j, parts)) > kMost) return false;
  }
  return true;
}

QuantisedModel parse_delta(ByteReader& in, const Header& header, const QuantisedModel& base) {
  if (fingerprint(base) != header.fingerprint)
    throw Error(Code::corrupt_stream,
                "Payload holds changes to another model than the one of the step before");
  QuantisedModel old = header.model_of(base.count());  // each in its old place
  const ModelReference reference(base, header.model, header.steps, header.lattice);
  RangeDecoder coder(in.rest());
  DeltaCoder<RangeDecoder> changes(coder, reference, header.steps);
  std::vector<size_t> alive;
  from_coarse_to_fine(base.count(), [&](size_t j, size_t s) {
    if (!changes.lives(false)) return;
    changes.survivor(old, j, j, s);
    alive.push_back(j);
  });
  if (alive.size() != header.count - header.born)
    throw Error(Code::corrupt_stream, "Payload is damaged: number of Gaussians that live on");
  std::sort(alive.begin(), alive.end());
  QuantisedModel q = selected(old, alive);
  if (header.born > 0) {
    QuantisedModel born = header.model_of(header.born);
    code_gaussians(coder, born, header.prediction);
    append(q, born);
  }
  sort(q);
  return q;
}

}  // namespace

std::vector<uint8_t> encode_payload(const QuantisedModel& q) {
  Header header;
  header.model = q.header;
  header.count = q.count();
  header.steps = q.steps;
  header.lattice = q.lattice;
  if (q.count() > 0) header.prediction = fit_prediction(q);
  ByteWriter writer;
  write_header(writer, header);
  std::vector<uint8_t> body = writer.take();
  if (q.count() > 0) {
    RangeEncoder coder;
    QuantisedModel symbols = q;
    code_gaussians(coder, symbols, header.prediction);
    append(body, coder.finish());
  }
  body.resize(std::max(body.size(), q.count() / kMaxGaussiansPerByte + 1));
  return sealed(body);
}

std::vector<uint8_t> encode_delta(const QuantisedModel& q, const QuantisedModel& base) {
  const Domain &a = q.header.domain, &b = base.header.domain;
  const bool same = a.origin == b.origin && a.scale == b.scale && a.extent == b.extent;
  if (!same || base.count() == 0 || q.count() == 0 || q.origin.size() != q.count() ||
      q.lattice != base.lattice)
    return {};
  const ModelReference reference(base, q.header, q.steps, q.lattice);
  std::vector<size_t> heir(base.count(), q.count()), born;
  for (size_t i = 0; i < q.count(); ++i) {
    const uint32_t j = q.origin[i];
    if (j < base.count() && heir[j] == q.count() && expressible(q, i, reference, j))
      heir[j] = i;
    else
      born.push_back(i);
  }
  Header header;
  header.delta = true;
  header.fingerprint = fingerprint(base);
  header.model = q.header;
  header.count = q.count();
  header.born = born.size();
  header.steps = q.steps;
  QuantisedModel fresh = selected(q, born);
  if (!born.empty()) header.prediction = fit_prediction(fresh);
  ByteWriter writer;
  write_header(writer, header);
  std::vector<uint8_t> body = writer.take();

  RangeEncoder coder;
  DeltaCoder<RangeEncoder> changes(coder, reference, q.steps);
  QuantisedModel symbols = q;
  from_coarse_to_fine(base.count(), [&](size_t j, size_t s) {
    changes.lives(heir[j] < q.count());
    if (heir[j] < q.count()) changes.survivor(symbols, heir[j], j, s);
  });
  if (!born.empty()) code_gaussians(coder, fresh, header.prediction);
  append(body, coder.finish());
  body.resize(std::max(body.size(), born.size() / kMaxGaussiansPerByte + 1));
  return sealed(body);
}

QuantisedModel parse_payload(std::span<const uint8_t> bytes, const QuantisedModel* base) {
  ByteReader in = opened(bytes);
  const Header header = read_header(in, bytes.size(), base);
  if (header.delta) return parse_delta(in, header, *base);
  QuantisedModel q = header.model_of(header.count);
  if (header.count == 0) return q;
  RangeDecoder coder(in.rest());
  code_gaussians(coder, q, header.prediction);
  return q;
}

bool is_delta(std::span<const uint8_t> bytes) {
  ByteReader in = opened(bytes);
  return in.u8() & kDeltaFlag;
}

PayloadInfo describe_payload(std::span<const uint8_t> bytes) {
  ByteReader in = opened(bytes);
  const Header header = read_header(in, bytes.size(), nullptr);
  return {header.model, header.count, kPayloadVersion};
}

}  // namespace gaussitu
