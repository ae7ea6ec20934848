// The first bytes of an error-bounded payload: what the decoder must be given for the rest to make sense.
#pragma once
#include <array>

#include "bounded/layout.hpp"
#include "stream/byte_io.hpp"

namespace gaussitu {

struct BoundedHeader {
  LayoutKind layout = LayoutKind::grid;
  Dtype dtype = Dtype::f32;
  bool exact = false;                 // byte planes instead of a residual
  bool log = false;                   // the residual is of logarithms (log_domain.hpp) ...
  bool log_as_double = false;         // ... in f64; always for f64 fields
  std::array<uint64_t, 3> dims{};     // of the grid, the lattice, or [points, 1, 1]
  uint8_t earlier = 0, siblings = 0;  // references
  uint64_t model = 0;                 // bytes of the model that follows the header; 0: there is none
  bool model_is_reference = false;    // the residual needs it, after the siblings
};

BoundedHeader make_header(const Layout& layout, Dtype dtype);
void write_header(ByteWriter& out, const BoundedHeader& header);
/// Throws corrupt_stream, unsupported.
BoundedHeader read_bounded_header(ByteReader& in);
/// Throws corrupt_stream unless the payload is for this layout and type.
void expect_layout(const BoundedHeader& header, const Layout& layout, Dtype dtype);

}  // namespace gaussitu
