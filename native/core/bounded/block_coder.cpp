#include "bounded/block_coder.hpp"

#include "bounded/arrange.hpp"
#include "bounded/choose_siblings.hpp"
#include "bounded/exact.hpp"
#include "residual/scattered.hpp"
#include "residual/structured.hpp"

namespace gaussitu {

namespace {

template <class T>
BoundedHeader header_of(const Layout& layout) {
  return make_header(layout, sizeof(T) == 4 ? Dtype::f32 : Dtype::f64);
}

using Bytes = std::span<const uint8_t>;

/// The payload: header, model, and what follows them.
template <class T, class C>
void put_together(CodedBlock<T>& coded, const SmallModel<C>* model, std::initializer_list<Bytes> rest) {
  coded.header.model = model != nullptr ? model->payload.size() : 0;
  ByteWriter out;
  write_header(out, coded.header);
  coded.payload = out.take();
  size_t size = coded.payload.size() + coded.header.model;
  for (const Bytes part : rest) size += part.size();
  coded.payload.reserve(size);
  if (model != nullptr) {
    coded.payload.insert(coded.payload.end(), model->payload.begin(), model->payload.end());
    coded.model = {model->payload.size(), model->gaussians, model->psnr,  coded.header.model_is_reference,
                   model->iterations,     model->warm,      model->device};
  }
  coded.begin = coded.payload.size();
  for (const Bytes part : rest) coded.payload.insert(coded.payload.end(), part.begin(), part.end());
}

}  // namespace

template <class T>
CodedBlock<T> BlockCoder<T>::code(double bound, std::vector<size_t> siblings,
                                  const SmallModel<T>* model) const {
  DecodedBlock<T> encoded;
  CodedBlock<T> out = code_in<T>({}, values_, bound, {}, std::move(siblings), model, encoded);
  out.bound = bound;
  out.values = std::move(encoded.values);
  return out;
}

template <class T>
CodedBlock<T> BlockCoder<T>::code_logarithms(const LogBound& y, double pointwise) const {
  const std::vector<T> before = last_step<T>(layout_, offered_.earlier);
  const auto signs = encode_signs<T>(layout_.grid, signs_of<T>(values_, specials_.skip()), specials_.skip(),
                                     before.empty() ? nullptr : before.data());
  const CodingDomain domain{true, log_shift(y.bound)};
  auto as = [&]<class C>(C) {
    DecodedBlock<C> encoded;
    const auto own = to_log<C>(values_, 0);
    const std::span<const C> values(own);
    return code_in<C>(domain, values, y.bound, signs, choose<C>(domain, values, y.bound), nullptr, encoded);
  };
  CodedBlock<T> out = y.as_double ? as(double{}) : as(T{});
  out.bound = pointwise;
  return out;
}

template <class T>
CodedBlock<T> BlockCoder<T>::code_exactly() const {
  CodedBlock<T> out;
  out.header = header_of<T>(layout_);
  out.header.exact = true;
  const auto planes =
      encode_exact({reinterpret_cast<const uint8_t*>(values_.data()), values_.size_bytes()}, sizeof(T));
  put_together<T, T>(out, nullptr, {planes});
  return out;
}

/// `values` [n] in layout order in the domain; `signs`: coded, of logarithms.
template <class T>
template <class C>
CodedBlock<T> BlockCoder<T>::code_in(const CodingDomain& domain, std::span<const C> values, double bound,
                                     std::span<const uint8_t> signs, std::vector<size_t> chosen,
                                     const SmallModel<C>* model, DecodedBlock<C>& encoded) const {
  CodedBlock<T> out;
  out.siblings = std::move(chosen);
  const auto siblings = pick(out.siblings);
  const References<T, C> references(layout_, domain, offered_.earlier, siblings);
  std::vector<Reference> list(references.list().begin(), references.list().end());
  if (model != nullptr) list.push_back({model->values.data(), nullptr, true});
  const auto residual =
      layout_.kind == LayoutKind::scattered
          ? encode_scattered<C>(layout_.plan, values.data(), specials_.skip(), bound, list, encoded)
          : encode_structured<C>(layout_.grid, values.data(), specials_.skip(), bound, list, encoded);
  const auto mask = encode_specials(layout_.grid, specials_);
  BoundedHeader& header = out.header = header_of<T>(layout_);
  header.log = domain.log;
  header.log_as_double = header.log && sizeof(C) == 8;
  header.earlier = static_cast<uint8_t>(offered_.earlier.size());
  header.siblings = static_cast<uint8_t>(siblings.size());
  header.model_is_reference = model != nullptr;
  ByteWriter bytes;
  bytes.varint(mask.size());
  if (header.log) bytes.varint(signs.size());
  const auto sizes = bytes.take();
  put_together(out, model, {sizes, mask, signs, residual});
  return out;
}

template <class T>
CodedBlock<T> BlockCoder<T>::beside(const SmallModel<T>& model, const CodedBlock<T>& plain) const {
  CodedBlock<T> out = plain;
  put_together(out, &model, {Bytes(plain.payload).subspan(plain.begin)});
  return out;
}

template <class T>
bool BlockCoder<T>::helps(const SmallModel<T>& model, const CodedBlock<T>& plain) const {
  if (plain.header.exact || plain.header.log) return false;
  const auto siblings = pick(plain.siblings);
  const References<T, T> references(layout_, {}, offered_.earlier, siblings);
  return gaussitu::helps<T>(layout_, values_, specials_.skip(), plain.bound, references.list(), model.values);
}

template <class T>
std::vector<SharedState> BlockCoder<T>::pick(const std::vector<size_t>& chosen) const {
  std::vector<SharedState> siblings;
  for (const size_t c : chosen) siblings.push_back(offered_.siblings[c]);
  return siblings;
}

template <class T>
template <class C>
std::vector<size_t> BlockCoder<T>::choose(const CodingDomain& domain, std::span<const C> values,
                                          double bound) const {
  if (offered_.siblings.empty()) return {};
  std::deque<std::vector<C>> kept;
  auto view = [&](const SharedState& state) { return in_domain<T, C>(state, values_.size(), domain, kept); };
  // In array order: states are, and the rule does not care which of the orders it samples.
  const std::vector<C> in_order = from_layout(layout_, std::vector<C>(values.begin(), values.end()));
  const std::vector<uint8_t> skip = from_layout(layout_, specials_.mask);
  std::vector<std::span<const C>> earlier, candidates;
  std::vector<size_t> index;
  for (const auto& s : offered_.earlier) earlier.push_back(view(s));
  for (size_t c = 0; c < offered_.siblings.size(); c++)
    if (const auto& s = offered_.siblings[c];
        s && s->size() == values_.size() && std::holds_alternative<Array<T>>(s->values)) {
      candidates.push_back(view(s));
      index.push_back(c);
    }
  auto chosen = choose_siblings<C>(in_order, skip.empty() ? nullptr : skip.data(), bound, earlier, candidates,
                                   kMaxSiblings);
  for (size_t& c : chosen) c = index[c];
  return chosen;
}

template class BlockCoder<float>;
template class BlockCoder<double>;

}  // namespace gaussitu
