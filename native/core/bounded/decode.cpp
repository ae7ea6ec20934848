#include <cmath>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "bounded/arrange.hpp"
#include "bounded/block_decoder.hpp"
#include "bounded/exact.hpp"
#include "bounded/header.hpp"
#include "residual/scattered.hpp"
#include "residual/structured.hpp"

namespace gaussitu {

template <class T>
References<T>::References(const Layout& layout, std::span<const SharedState> earlier,
                          std::span<const SharedState> siblings) {
  auto add = [&](const SharedState& state, bool same) {
    if (!state || state->size() != layout.size() || !std::holds_alternative<std::vector<T>>(state->values))
      throw Error(Code::invalid_argument, "Expected references of " + std::to_string(layout.size()) +
                                              " values of the field's own type but received " +
                                              (state ? std::to_string(state->size()) : "none"));
    const auto& values = std::get<std::vector<T>>(state->values);
    const bool contexts = same && !state->magnitudes.empty();
    const T* data = values.data();
    const uint8_t* magnitudes = state->magnitudes.data();
    if (!layout.order.empty()) {
      data = values_.emplace_back(to_layout(layout, values)).data();
      if (contexts) magnitudes = magnitudes_.emplace_back(to_layout(layout, state->magnitudes)).data();
    }
    list_.push_back({data, contexts ? magnitudes : nullptr, same});
  };
  for (const auto& state : earlier) add(state, true);
  for (const auto& state : siblings) add(state, false);
}

template <class T>
DecodedPayload<T> decode_payload_as(const Layout& layout, std::span<const uint8_t> payload,
                                    const References<T>& references, size_t earlier, size_t siblings) {
  constexpr Dtype kDtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
  ByteReader in(payload);
  const BoundedHeader header = read_bounded_header(in);
  expect_layout(header, layout, kDtype);
  if (header.earlier != earlier || header.siblings != siblings)
    throw Error(Code::corrupt_stream, "Expected " + std::to_string(header.earlier) + " earlier steps and " +
                                          std::to_string(header.siblings) +
                                          " siblings as references but received " + std::to_string(earlier) +
                                          " and " + std::to_string(siblings));
  DecodedPayload<T> out;
  if (header.exact) {
    const auto raw = decode_exact(in.rest(), layout.size() * sizeof(T), sizeof(T));
    out.values.resize(layout.size());
    if (!raw.empty()) std::memcpy(out.values.data(), raw.data(), raw.size());
    out.block.values = out.values;
    for (T& v : out.block.values) v = std::isfinite(v) ? v : T{0};
    return out;
  }
  const size_t mask = in.varint();
  const auto rest = in.rest();
  if (mask > rest.size()) throw Error(Code::corrupt_stream, "Payload is cut: its mask is missing");
  const Specials<T> specials = decode_specials<T>(layout.grid, rest.first(mask));
  const auto residual = rest.subspan(mask);
  if (layout.kind == LayoutKind::scattered)
    decode_scattered<T>(layout.plan, residual, specials.skip(), references.list(), out.block);
  else
    decode_structured<T>(layout.grid, residual, specials.skip(), references.list(), out.block);
  out.values = out.block.values;
  restore_specials(specials, out.values.data());
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
  const References<T> references(layout, given.earlier, given.siblings);
  auto decoded =
      decode_payload_as<T>(layout, payload, references, given.earlier.size(), given.siblings.size());
  BoundedDecoded out;
  out.values = from_layout(layout, std::move(decoded.values));
  out.state = make_state(layout, std::move(decoded.block));
  return out;
}

}  // namespace

BoundedDecoded decode_bounded(const Layout& layout, Dtype dtype, std::span<const uint8_t> payload,
                              const BoundedReferences& references) {
  return dtype == Dtype::f32 ? decode_as<float>(layout, payload, references)
                             : decode_as<double>(layout, payload, references);
}

#define GAUSSITU_INSTANCES(T)                                                           \
  template class References<T>;                                                         \
  template DecodedPayload<T> decode_payload_as(const Layout&, std::span<const uint8_t>, \
                                               const References<T>&, size_t, size_t);   \
  template SharedState make_state(const Layout&, DecodedBlock<T>);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
