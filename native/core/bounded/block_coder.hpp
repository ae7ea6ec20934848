// One block at one bound: the residual against what the decoder has, and the payload that holds it. What the
// bound is, and whether a model pays, is decided in encode.cpp.
#pragma once
#include <span>
#include <vector>

#include "bounded/block_decoder.hpp"
#include "bounded/header.hpp"
#include "bounded/log_domain.hpp"

namespace gaussitu {

/// A payload that was coded and not checked yet.
template <class T>
struct CodedBlock {
  std::vector<uint8_t> payload;
  Array<T> values;               // as they come back, layout order, without special ones; not of logarithms
  std::vector<size_t> siblings;  // of the offered ones
  double bound = 0;              // as it is checked; 0: exact
  BoundedHeader header;
  size_t begin = 0;  // of what follows the header and the model in the payload
  BoundedModel model;
};

/// Borrows all that it is given.
template <class T>
class BlockCoder {
 public:
  /// `values` [n] in layout order.
  BlockCoder(const Layout& layout, std::span<const T> values, const Specials<T>& specials,
             const BoundedReferences& offered)
      : layout_(layout), values_(values), specials_(specials), offered_(offered) {}

  /// Within an absolute bound, against the siblings that help.
  CodedBlock<T> code(double bound) const { return code(bound, choose<T>({}, values_, bound), nullptr); }
  /// `model`: also a reference, and in the payload; or null.
  CodedBlock<T> code(double bound, std::vector<size_t> siblings, const SmallModel<T>* model) const;
  /// Within a bound relative to each value; what they come back as is not known before they are decoded.
  CodedBlock<T> code_logarithms(const LogBound& y, double pointwise) const;
  /// Byte planes.
  CodedBlock<T> code_exactly() const;

  /// The same with a model that the residual does not refer to.
  CodedBlock<T> beside(const SmallModel<T>& model, const CodedBlock<T>& plain) const;
  /// Whether the block is worth coding again with the model as a reference (model_layer.hpp).
  bool helps(const SmallModel<T>& model, const CodedBlock<T>& plain) const;

  std::vector<SharedState> pick(const std::vector<size_t>& chosen) const;

 private:
  template <class C>
  CodedBlock<T> code_in(const CodingDomain& domain, std::span<const C> values, double bound,
                        std::span<const uint8_t> signs, std::vector<size_t> chosen,
                        const SmallModel<C>* model, DecodedBlock<C>& encoded) const;
  template <class C>
  std::vector<size_t> choose(const CodingDomain& domain, std::span<const C> values, double bound) const;

  const Layout& layout_;
  const std::span<const T> values_;
  const Specials<T>& specials_;
  const BoundedReferences& offered_;
};

}  // namespace gaussitu
