// Decoding of one payload in the layout's own order: what the encoder's check and the public decoder share.
#pragma once
#include <deque>
#include <span>
#include <vector>

#include "bounded/bounded.hpp"
#include "residual/residual_coder.hpp"
#include "residual/specials.hpp"

namespace gaussitu {

/// References in the order of a layout; holds what had to be rearranged. The states must outlive it.
template <class T>
class References {
 public:
  /// Throws invalid_argument when a state has another size or type.
  References(const Layout& layout, std::span<const SharedState> earlier,
             std::span<const SharedState> siblings);
  std::span<const Reference> list() const { return list_; }

 private:
  std::vector<Reference> list_;
  std::deque<std::vector<T>> values_;
  std::deque<std::vector<uint8_t>> magnitudes_;
};

template <class T>
struct DecodedPayload {
  std::vector<T> values;  // special values restored
  DecodedBlock<T> block;  // without them
};

/// `references` hold `earlier` earlier steps, then `siblings`. Throws corrupt_stream, unsupported.
template <class T>
DecodedPayload<T> decode_payload_as(const Layout& layout, std::span<const uint8_t> payload,
                                    const References<T>& references, size_t earlier, size_t siblings);

/// A block in the layout's order as a state in array order.
template <class T>
SharedState make_state(const Layout& layout, DecodedBlock<T> block);

}  // namespace gaussitu
