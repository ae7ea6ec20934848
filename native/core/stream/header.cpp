#include "stream/header.hpp"

#include <bit>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "quantize/exact_math.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

namespace {

enum Flag : uint8_t { same_scale = 1, range_as_max = 2, delta = kDeltaFlag, known_flags = 7 };

[[noreturn]] void damaged(const std::string& what) {
  throw Error(Code::corrupt_stream, "Payload is damaged: " + what);
}

void check(bool good, const char* what) {
  if (!good) damaged(what);
}

bool is_step(float step) {
  return step >= 1.0f / (1 << 19) && step <= 8.0f;
}

uint16_t bf16(float step) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(step) >> 16);
}

float from_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

bool ends_exactly(const Model& m) {
  return m.value_min + m.value_range - m.value_min == m.value_range;
}

/// value_min, value_range (or the maximum, which often needs fewer digits: it is the field's own), mean,
/// coverage.
std::array<double, 4> values_of(const Model& m) {
  return {m.value_min, ends_exactly(m) ? m.value_min + m.value_range : m.value_range, m.mean, m.coverage};
}

void set_values(Model& m, const double* at, bool as_max) {
  m.value_min = at[0];
  m.value_range = as_max ? at[1] - m.value_min : at[1];
  check(std::isfinite(m.value_range) && m.value_range >= 0, "value range is negative");
  m.mean = static_cast<float>(at[2]);
  m.coverage = static_cast<float>(at[3]);
  check(std::isfinite(m.mean) && std::isfinite(m.coverage) && m.coverage >= 0, "coverage is negative");
}

void write_steps(ByteWriter& out, const QuantSteps& steps) {
  for (const float s : {steps.position, steps.scale, steps.skew, steps.value}) out.u16(bf16(s));
}

void read_steps(ByteReader& in, QuantSteps& steps) {
  for (float* s : {&steps.position, &steps.scale, &steps.skew, &steps.value}) {
    *s = from_bf16(in.u16());
    check(is_step(*s), "quantiser step");
  }
}

void write_prediction(ByteWriter& out, const Prediction& prediction) {
  for (const int32_t mean : prediction.mean)  // zigzag: 0 -1 1 -2 ...
    out.varint(mean < 0 ? ~static_cast<uint32_t>(mean) << 1 | 1 : static_cast<uint32_t>(mean) << 1);
  for (const uint8_t w : prediction.weight) out.u8(w);
}

void read_prediction(ByteReader& in, Prediction& prediction) {
  for (auto& mean : prediction.mean) {
    const uint64_t z = in.varint();
    check(z <= 2 * static_cast<uint64_t>(kMaxParameter), "prediction");
    mean = static_cast<int32_t>(z & 1 ? ~(z >> 1) : z >> 1);
  }
  for (auto& w : prediction.weight) w = in.u8();
}

void write_delta(ByteWriter& out, const Header& h) {
  out.u32(h.fingerprint);
  out.numbers(values_of(h.model));
  write_steps(out, h.steps);
  out.varint(h.born);
  if (h.born > 0) write_prediction(out, h.prediction);
}

void read_delta(ByteReader& in, Header& h, bool as_max, const QuantisedModel* base) {
  h.delta = true;
  h.fingerprint = in.u32();
  if (!base)
    throw Error(Code::invalid_argument,
                "Expected the model of the step before: this payload holds what changed since then");
  check(base->count() > 0, "it refers to an empty model");
  h.model.domain = base->header.domain;
  h.lattice = base->lattice;
  std::array<double, 4> n{};
  in.numbers(n);
  set_values(h.model, n.data(), as_max);
  read_steps(in, h.steps);
  h.born = in.varint();
  check(h.born <= h.count && h.count - h.born <= base->count(), "number of new Gaussians");
  if (h.born > 0) read_prediction(in, h.prediction);
}

}  // namespace

QuantisedModel Header::model_of(size_t n) const {
  QuantisedModel q;
  q.header = model;
  q.steps = steps;
  q.lattice = lattice;
  q.resize(n);
  return q;
}

void write_header(ByteWriter& out, const Header& h) {
  const Model& m = h.model;
  const auto& d = m.domain;
  const bool isotropic = d.scale[0] == d.scale[1] && d.scale[0] == d.scale[2];
  const int as_max = ends_exactly(m) ? range_as_max : 0;
  out.u8(static_cast<uint8_t>(as_max | (h.delta ? delta : isotropic ? same_scale : 0)));
  out.varint(h.count);
  if (h.delta) {
    write_delta(out, h);
    return;
  }

  std::vector<double> numbers(d.origin.begin(), d.origin.end());
  numbers.insert(numbers.end(), d.scale.begin(), isotropic ? d.scale.begin() + 1 : d.scale.end());
  numbers.insert(numbers.end(), d.extent.begin(), d.extent.end());
  const auto values = values_of(m);
  numbers.insert(numbers.end(), values.begin(), values.end());
  if (h.count > 0)
    for (int k = 0; k < 3; ++k) numbers.insert(numbers.end(), {h.lattice.lo[k], h.lattice.size[k]});
  out.numbers(numbers);
  if (h.count == 0) return;

  for (const uint8_t b : h.lattice.bits) out.u8(b);
  write_steps(out, h.steps);
  write_prediction(out, h.prediction);
}

Header read_header(ByteReader& in, size_t size, const QuantisedModel* base) {
  Header h;
  Model& m = h.model;
  const uint8_t flags = in.u8();
  if (flags & ~known_flags || (flags & delta && flags & same_scale))
    throw Error(Code::unsupported, "Payload uses features this version does not know: flags " +
                                       std::to_string(flags) + "; read it with a newer Gaussitu");
  h.count = in.varint();
  const size_t old = flags & delta && base ? base->count() : 0;
  if (h.count > kMaxGaussians || h.count > size * kMaxGaussiansPerByte + old)
    damaged(std::to_string(h.count) + " Gaussians in " + std::to_string(size) + " bytes");
  if (flags & delta) {
    read_delta(in, h, flags & range_as_max, base);
    return h;
  }

  std::array<double, 19> n{};
  const size_t scales = flags & same_scale ? 1 : 3;
  const size_t used = 3 + scales + 3 + 4 + (h.count > 0 ? 6 : 0);
  in.numbers(std::span(n).first(used));
  const double* at = n.data();
  for (auto& x : m.domain.origin) x = *at++;
  for (size_t k = 0; k < 3; ++k) m.domain.scale[k] = at[k < scales ? k : 0];
  at += scales;
  for (auto& x : m.domain.extent) x = *at++;
  for (const double x : m.domain.scale) check(x != 0, "scale is zero");
  for (const double x : m.domain.extent) check(x >= 0, "extent is negative");
  set_values(m, at, flags & range_as_max);
  at += 4;
  if (h.count == 0) return h;

  for (int k = 0; k < 3; ++k) {
    h.lattice.lo[k] = static_cast<float>(*at++);
    h.lattice.size[k] = static_cast<float>(*at++);
    check(std::fabs(h.lattice.lo[k]) < 1e30f && h.lattice.size[k] >= 0 && h.lattice.size[k] < 1e30f,
          "box of the centres");
  }
  for (int k = 0; k < 3; ++k) {
    h.lattice.bits[k] = in.u8();
    check(h.lattice.bits[k] <= 20 && (h.lattice.bits[k] == 0 || h.lattice.size[k] > 0), "lattice");
  }
  check(h.lattice.total_bits() <= Lattice::kMaxBits, "lattice");
  read_steps(in, h.steps);
  read_prediction(in, h.prediction);
  return h;
}

}  // namespace gaussitu
