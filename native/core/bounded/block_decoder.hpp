// Decoding of one payload in the layout's own order: what the encoder's check and the public decoder share.
#pragma once
#include <deque>
#include <span>
#include <vector>

#include "bounded/bounded.hpp"
#include "residual/residual_coder.hpp"
#include "residual/specials.hpp"

namespace gaussitu {

/// How a block is coded: its values as they are, or their logarithms (log_domain.hpp).
struct CodingDomain {
  bool log = false;
  double shift = 0;
};

/// References in the order of a layout and in the domain of a block of type T that is coded in type C; holds
/// what had to be rearranged or transformed. The states must outlive it.
template <class T, class C = T>
class References {
 public:
  /// Throws invalid_argument when a state has another size or type.
  References(const Layout& layout, const CodingDomain& domain, std::span<const SharedState> earlier,
             std::span<const SharedState> siblings);
  std::span<const Reference> list() const { return list_; }

 private:
  std::vector<Reference> list_;
  std::deque<std::vector<C>> values_;
  std::deque<std::vector<uint8_t>> magnitudes_;
};

/// A state's values [n] in array order in a domain, in `kept` where that is not where they are. Throws
/// invalid_argument when it has not `size` values of type T.
template <class T, class C>
std::span<const C> in_domain(const SharedState& state, size_t size, const CodingDomain& domain,
                             std::deque<std::vector<C>>& kept);

/// The last step's values in the layout's order: contexts of signs. Empty when there is none.
template <class T>
std::vector<T> last_step(const Layout& layout, std::span<const SharedState> earlier);

template <class T>
struct DecodedPayload {
  DecodedBlock<T> block;  // without special values
  Array<T> restored;      // with them; empty when there are none

  const Array<T>& whole() const { return restored.empty() ? block.values : restored; }
};

/// Throws corrupt_stream, unsupported, invalid_argument.
template <class T>
DecodedPayload<T> decode_payload_as(const Layout& layout, std::span<const uint8_t> payload,
                                    const BoundedReferences& given);

/// A block in the layout's order as a state in array order.
template <class T>
SharedState make_state(const Layout& layout, DecodedBlock<T> block);

}  // namespace gaussitu
