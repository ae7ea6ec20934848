#include "bounded/header.hpp"

#include <string>

#include "base/error.hpp"
#include "bounded/bounded.hpp"

namespace gaussitu {

namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kLayoutBits = 3, kDoubleBit = 4, kExactBit = 8, kLogBit = 16, kLogDoubleBit = 32;
constexpr uint8_t kModelBit = 64, kReferenceBit = 128;

std::string describe(LayoutKind kind, Dtype dtype, const std::array<uint64_t, 3>& dims) {
  constexpr const char* kNames[] = {"a grid", "a lattice of points", "scattered points"};
  return std::string(dtype == Dtype::f32 ? "f32" : "f64") + " values on " +
         kNames[static_cast<size_t>(kind)] + " of " + std::to_string(dims[0]) + "x" +
         std::to_string(dims[1]) + "x" + std::to_string(dims[2]);
}

}  // namespace

BoundedHeader make_header(const Layout& layout, Dtype dtype) {
  BoundedHeader h;
  h.layout = layout.kind;
  h.dtype = dtype;
  for (size_t k = 0; k < 3; k++) h.dims[k] = static_cast<uint64_t>(layout.grid.dims[k]);
  return h;
}

void write_header(ByteWriter& out, const BoundedHeader& h) {
  out.u8(kVersion);
  out.u8(static_cast<uint8_t>(static_cast<uint8_t>(h.layout) | (h.dtype == Dtype::f64 ? kDoubleBit : 0) |
                              (h.exact ? kExactBit : 0) | (h.log ? kLogBit : 0) |
                              (h.log_as_double ? kLogDoubleBit : 0) | (h.model > 0 ? kModelBit : 0) |
                              (h.model_is_reference ? kReferenceBit : 0)));
  for (const uint64_t n : h.dims) out.varint(n);
  out.u8(static_cast<uint8_t>(h.earlier | h.siblings << 4));
  if (h.model > 0) out.varint(h.model);
}

BoundedHeader read_bounded_header(ByteReader& in) {
  const uint8_t version = in.u8(), flags = in.u8();
  if (version != kVersion)
    throw Error(Code::unsupported, "Expected version 1 of the error-bounded payload but received version " +
                                       std::to_string(version) + "; read it with a newer Gaussitu");
  BoundedHeader h;
  if ((flags & kLayoutBits) > static_cast<uint8_t>(LayoutKind::scattered))
    throw Error(Code::corrupt_stream, "Payload is damaged: unknown layout");
  h.layout = static_cast<LayoutKind>(flags & kLayoutBits);
  h.dtype = flags & kDoubleBit ? Dtype::f64 : Dtype::f32;
  h.exact = (flags & kExactBit) != 0;
  h.log = (flags & kLogBit) != 0;
  h.log_as_double = (flags & kLogDoubleBit) != 0;
  if (((h.exact || h.log) && (flags & kReferenceBit)) || (h.exact && h.log) || (!h.log && h.log_as_double) ||
      (h.log && h.dtype == Dtype::f64 && !h.log_as_double))
    throw Error(Code::corrupt_stream, "Payload is damaged: its flags contradict each other");
  for (uint64_t& n : h.dims) n = in.varint();
  const uint8_t references = in.u8();
  h.earlier = references & 15;
  h.siblings = references >> 4;
  if (h.earlier > kMaxEarlier || h.siblings > kMaxSiblings)
    throw Error(Code::corrupt_stream, "Payload is damaged: too many references");
  h.model_is_reference = (flags & kReferenceBit) != 0;
  if (flags & kModelBit) h.model = in.varint();
  if (h.model > in.rest().size() || (h.model == 0 && (flags & (kModelBit | kReferenceBit))))
    throw Error(Code::corrupt_stream, "Payload is damaged: its model is missing");
  return h;
}

void expect_layout(const BoundedHeader& h, const Layout& layout, Dtype dtype) {
  const BoundedHeader own = make_header(layout, dtype);
  if (h.layout != own.layout || h.dtype != own.dtype || h.dims != own.dims)
    throw Error(Code::corrupt_stream, "Expected a payload of " + describe(own.layout, dtype, own.dims) +
                                          " but received one of " + describe(h.layout, h.dtype, h.dims));
}

}  // namespace gaussitu
