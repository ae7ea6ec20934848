#include "stream/header.hpp"

#include <bit>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "quantize/exact_math.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

namespace {

enum Flag : uint8_t { same_scale = 1, range_as_max = 2, known_flags = 3 };

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

}  // namespace

void write_header(ByteWriter& out, const Header& h) {
  const Model& m = h.model;
  const auto& d = m.domain;
  const bool isotropic = d.scale[0] == d.scale[1] && d.scale[0] == d.scale[2];
  // value_min + value_range often needs fewer digits than value_range: the field's own maximum.
  const double value_max = m.value_min + m.value_range;
  const bool as_max = value_max - m.value_min == m.value_range;
  out.u8(static_cast<uint8_t>((isotropic ? same_scale : 0) | (as_max ? range_as_max : 0)));
  out.varint(h.count);

  std::vector<double> numbers(d.origin.begin(), d.origin.end());
  numbers.insert(numbers.end(), d.scale.begin(), isotropic ? d.scale.begin() + 1 : d.scale.end());
  numbers.insert(numbers.end(), d.extent.begin(), d.extent.end());
  numbers.insert(numbers.end(), {m.value_min, as_max ? value_max : m.value_range, m.mean, m.coverage});
  if (h.count > 0)
    for (int k = 0; k < 3; ++k) numbers.insert(numbers.end(), {h.lattice.lo[k], h.lattice.size[k]});
  out.numbers(numbers);
  if (h.count == 0) return;

  for (const uint8_t b : h.lattice.bits) out.u8(b);
  for (const float s : {h.steps.position, h.steps.scale, h.steps.skew, h.steps.value}) out.u16(bf16(s));
  for (const int32_t mean : h.prediction.mean)  // zigzag: 0 -1 1 -2 ...
    out.varint(mean < 0 ? ~static_cast<uint32_t>(mean) << 1 | 1 : static_cast<uint32_t>(mean) << 1);
  for (const uint8_t w : h.prediction.weight) out.u8(w);
}

Header read_header(ByteReader& in, size_t size) {
  Header h;
  Model& m = h.model;
  const uint8_t flags = in.u8();
  if (flags & ~known_flags)
    throw Error(Code::unsupported, "Payload uses features this version does not know: flags " +
                                       std::to_string(flags) + "; read it with a newer Gaussitu");
  h.count = in.varint();
  if (h.count > kMaxGaussians || h.count > size * kMaxGaussiansPerByte)
    damaged(std::to_string(h.count) + " Gaussians in " + std::to_string(size) + " bytes");

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
  m.value_min = *at++;
  m.value_range = flags & range_as_max ? *at++ - m.value_min : *at++;
  check(std::isfinite(m.value_range) && m.value_range >= 0, "value range is negative");
  m.mean = static_cast<float>(*at++);
  m.coverage = static_cast<float>(*at++);
  check(std::isfinite(m.mean) && std::isfinite(m.coverage) && m.coverage >= 0, "coverage is negative");
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
  for (float* s : {&h.steps.position, &h.steps.scale, &h.steps.skew, &h.steps.value}) {
    *s = from_bf16(in.u16());
    check(is_step(*s), "quantiser step");
  }
  for (auto& mean : h.prediction.mean) {
    const uint64_t z = in.varint();
    check(z <= 2 * static_cast<uint64_t>(kMaxParameter), "prediction");
    mean = static_cast<int32_t>(z & 1 ? ~(z >> 1) : z >> 1);
  }
  for (auto& w : h.prediction.weight) w = in.u8();
  return h;
}

}  // namespace gaussitu
