#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>

#include "base/error.hpp"
#include "bounded/arrange.hpp"
#include "bounded/block_decoder.hpp"
#include "bounded/exact.hpp"
#include "bounded/header.hpp"
#include "bounded/log_domain.hpp"
#include "residual/scattered.hpp"
#include "residual/structured.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

template <class T, class C>
std::span<const C> in_domain(const SharedState& state, size_t size, const CodingDomain& domain,
                             std::deque<std::vector<C>>& kept) {
  if (!state || state->size() != size || !std::holds_alternative<Array<T>>(state->values))
    throw Error(Code::invalid_argument, "Expected references of " + std::to_string(size) +
                                            " values of the field's own type but received " +
                                            (state ? std::to_string(state->size()) : "none"));
  const auto& values = std::get<Array<T>>(state->values);
  if constexpr (std::is_same_v<T, C>)
    if (!domain.log) return values;
  return kept.emplace_back(to_log<C>(std::span<const T>(values), domain.shift));
}

template <class T, class C>
References<T, C>::References(const Layout& layout, const CodingDomain& domain,
                             std::span<const SharedState> earlier, std::span<const SharedState> siblings) {
  auto add = [&](const SharedState& state, bool same) {
    const C* data = in_domain<T, C>(state, layout.size(), domain, values_).data();
    const bool contexts = same && !state->magnitudes.empty();
    const uint8_t* magnitudes = state->magnitudes.data();
    if (!layout.order.empty()) {
      data = values_.emplace_back(to_layout(layout, std::span<const C>(data, layout.size()))).data();
      if (contexts)
        magnitudes = magnitudes_.emplace_back(to_layout(layout, std::span(state->magnitudes))).data();
    }
    list_.push_back({data, contexts ? magnitudes : nullptr, same});
  };
  for (const auto& state : earlier) add(state, true);
  for (const auto& state : siblings) add(state, false);
}

template <class T>
std::vector<T> last_step(const Layout& layout, std::span<const SharedState> earlier) {
  if (earlier.empty()) return {};
  std::deque<std::vector<T>> none;
  return to_layout(layout, in_domain<T, T>(earlier[0], layout.size(), {}, none));
}

namespace {

template <class T, class C>
DecodedBlock<C> decode_residual(const Layout& layout, std::span<const uint8_t> bytes, const uint8_t* skip,
                                const CodingDomain& domain, const BoundedReferences& given,
                                std::span<const C> guess = {}) {
  const References<T, C> references(layout, domain, given.earlier, given.siblings);
  std::vector<Reference> list(references.list().begin(), references.list().end());
  if (!guess.empty()) list.push_back({guess.data(), nullptr, true});
  DecodedBlock<C> block;
  if (layout.kind == LayoutKind::scattered)
    decode_scattered<C>(layout.plan, bytes, skip, list, block);
  else
    decode_structured<C>(layout.grid, bytes, skip, list, block);
  return block;
}

/// Logarithms and signs.
template <class T, class C>
DecodedBlock<T> decode_log(const Layout& layout, std::span<const uint8_t> signs,
                           std::span<const uint8_t> residual, const uint8_t* skip,
                           const BoundedReferences& given) {
  const CodingDomain domain{true, log_shift(residual_bound(residual))};
  DecodedBlock<C> y = decode_residual<T, C>(layout, residual, skip, domain, given);
  const std::vector<T> before = last_step<T>(layout, given.earlier);
  const auto negative = decode_signs<T>(layout.grid, signs, skip, before.empty() ? nullptr : before.data());
  return {from_log<T>(std::span<const C>(y.values), negative, domain.shift), std::move(y.magnitudes)};
}

std::span<const uint8_t> take(std::span<const uint8_t>& rest, size_t size, const char* what) {
  if (size > rest.size())
    throw Error(Code::corrupt_stream, std::string("Payload is cut: ") + what + " are missing");
  const auto head = rest.first(size);
  rest = rest.subspan(size);
  return head;
}

}  // namespace

template <class T>
DecodedPayload<T> decode_payload_as(const Layout& layout, std::span<const uint8_t> payload,
                                    const BoundedReferences& given) {
  constexpr Dtype kDtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
  ByteReader in(payload);
  const BoundedHeader header = read_bounded_header(in);
  expect_layout(header, layout, kDtype);
  if (header.earlier != given.earlier.size() || header.siblings != given.siblings.size())
    throw Error(Code::corrupt_stream,
                "Expected " + std::to_string(header.earlier) + " earlier steps and " +
                    std::to_string(header.siblings) + " siblings as references but received " +
                    std::to_string(given.earlier.size()) + " and " + std::to_string(given.siblings.size()));
  const auto model = in.rest().first(header.model);
  if (header.model > 0) describe_payload(model);  // damage is found whether or not the residual needs it
  in = ByteReader(in.rest().subspan(header.model));
  DecodedPayload<T> out;
  if (header.exact) {
    const auto raw = decode_exact(in.rest(), layout.size() * sizeof(T), sizeof(T));
    out.restored.resize(layout.size());
    if (!raw.empty()) std::memcpy(out.restored.data(), raw.data(), raw.size());
    out.block.values = out.restored;
    for (T& v : out.block.values) v = std::isfinite(v) ? v : T{0};
    return out;
  }
  const size_t mask_size = in.varint(), signs_size = header.log ? in.varint() : 0;
  auto rest = in.rest();
  const auto mask = take(rest, mask_size, "special values"), signs = take(rest, signs_size, "signs");
  const Specials<T> specials = decode_specials<T>(layout.grid, mask);
  const auto guess = header.model_is_reference ? decode_layer<T>(layout, model) : std::vector<T>();
  if (!header.log)
    out.block = decode_residual<T, T>(layout, rest, specials.skip(), {}, given, guess);
  else if (header.log_as_double)
    out.block = decode_log<T, double>(layout, signs, rest, specials.skip(), given);
  else if constexpr (sizeof(T) == 4)
    out.block = decode_log<T, float>(layout, signs, rest, specials.skip(), given);
  if (specials.skip() == nullptr) return out;
  out.restored = out.block.values;
  restore_specials(specials, out.restored.data());
  return out;
}

template <class T>
SharedState make_state(const Layout& layout, DecodedBlock<T> block) {
  auto state = std::make_shared<FieldState>();
  state->values = from_layout(layout, std::move(block.values));
  state->magnitudes = from_layout(layout, std::move(block.magnitudes));
  return state;
}

namespace {

template <class T>
BoundedDecoded decode_as(const Layout& layout, std::span<const uint8_t> payload,
                         const BoundedReferences& given) {
  auto decoded = decode_payload_as<T>(layout, payload, given);
  BoundedDecoded out;
  if (!decoded.restored.empty()) out.restored = from_layout(layout, std::move(decoded.restored));
  out.state = make_state(layout, std::move(decoded.block));
  return out;
}

}  // namespace

std::span<const uint8_t> model_of(std::span<const uint8_t> payload) {
  ByteReader in(payload);
  const BoundedHeader header = read_bounded_header(in);
  return in.rest().first(header.model);
}

BoundedDecoded decode_bounded(const Layout& layout, Dtype dtype, std::span<const uint8_t> payload,
                              const BoundedReferences& references) {
  return dtype == Dtype::f32 ? decode_as<float>(layout, payload, references)
                             : decode_as<double>(layout, payload, references);
}

#define GAUSSITU_INSTANCES(T)                                                                  \
  template class References<T, T>;                                                             \
  template std::span<const T> in_domain<T, T>(const SharedState&, size_t, const CodingDomain&, \
                                              std::deque<std::vector<T>>&);                    \
  template std::vector<T> last_step(const Layout&, std::span<const SharedState>);              \
  template DecodedPayload<T> decode_payload_as(const Layout&, std::span<const uint8_t>,        \
                                               const BoundedReferences&);                      \
  template SharedState make_state(const Layout&, DecodedBlock<T>);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)
template class References<float, double>;
template std::span<const double> in_domain<float, double>(const SharedState&, size_t, const CodingDomain&,
                                                          std::deque<std::vector<double>>&);

}  // namespace gaussitu
