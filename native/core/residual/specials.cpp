#include "residual/specials.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/chunks.hpp"
#include "base/error.hpp"
#include "residual/bulk_coder.hpp"

namespace gaussitu {

namespace {

template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

constexpr size_t kMaxPalette = 16;

/// One description of the stream for both directions: the mask in raster order with its neighbours as
/// context, each special either equal to the one before, one of a short palette, or its own bits.
template <class T, class Coder>
void code_specials(const GridShape& shape, Coder& coder, Specials<T>& specials) {
  std::vector<Bits<T>> palette;
  if constexpr (!Coder::kDecoding) {
    for (const T v : specials.values) {
      const auto bits = std::bit_cast<Bits<T>>(v);
      if (std::find(palette.begin(), palette.end(), bits) != palette.end()) continue;
      if (palette.size() == kMaxPalette) {
        palette.clear();
        break;
      }
      palette.push_back(bits);
    }
  }
  palette.resize(coder.raw(palette.size(), 5));
  if (palette.size() > kMaxPalette) throw Error(Code::corrupt_stream, "Mask is damaged: palette too long");
  for (auto& bits : palette) bits = static_cast<Bits<T>>(coder.raw(bits, 8 * sizeof(T)));
  const int index_bits = palette.empty() ? 0 : std::bit_width(palette.size() - 1);

  BulkModel special[8], repeated;
  Bits<T> last = palette.empty() ? 0 : palette[0];
  size_t met = 0;
  const size_t row = shape.stride(1), plane = shape.stride(2);
  for (size_t i = 0; i < shape.size(); i++) {
    const int context = (i >= 1 ? specials.mask[i - 1] : 0) | (i >= row ? specials.mask[i - row] : 0) << 1 |
                        (i >= plane ? specials.mask[i - plane] : 0) << 2;
    specials.mask[i] = coder.bit(special[context], specials.mask[i] != 0);
    if (!specials.mask[i]) continue;
    Bits<T> bits = 0;
    if constexpr (!Coder::kDecoding) bits = std::bit_cast<Bits<T>>(specials.values[met]);
    if (coder.bit(repeated, bits == last)) {
      bits = last;
    } else if (!palette.empty()) {
      size_t index = 0;
      if constexpr (!Coder::kDecoding)
        index = size_t(std::find(palette.begin(), palette.end(), bits) - palette.begin());
      index = coder.raw(index, index_bits);
      if (index >= palette.size())
        throw Error(Code::corrupt_stream, "Mask is damaged: palette index out of range");
      bits = palette[index];
    } else {
      bits = static_cast<Bits<T>>(coder.raw(bits, 8 * sizeof(T)));
    }
    last = bits;
    if constexpr (Coder::kDecoding) specials.values.push_back(std::bit_cast<T>(bits));
    met++;
  }
}

/// Compared by bits.
template <class T>
bool is_fill(T value, std::span<const T> fills) {
  return std::any_of(fills.begin(), fills.end(),
                     [&](T fill) { return std::bit_cast<Bits<T>>(value) == std::bit_cast<Bits<T>>(fill); });
}

}  // namespace

template <class T>
Specials<T> find_specials(std::span<const T> values, std::span<const T> fills) {
  const auto special = [&](T v) {
    return (!std::isnormal(v) && std::bit_cast<Bits<T>>(v) != 0) || is_fill(v, fills);
  };
  const auto parts = map_chunks<uint8_t>(values.size(), [&](size_t first, size_t last) {
    return std::any_of(values.begin() + std::ptrdiff_t(first), values.begin() + std::ptrdiff_t(last),
                       special);
  });
  Specials<T> found;
  if (std::none_of(parts.begin(), parts.end(), [](uint8_t any) { return any != 0; })) return found;
  found.mask.assign(values.size(), 0);
  for (size_t i = 0; i < values.size(); i++) {
    const T v = values[i];
    if (!special(v)) continue;
    found.mask[i] = 1;
    found.values.push_back(std::isnan(v) ? std::numeric_limits<T>::quiet_NaN() : v);
  }
  return found;
}

template <class T>
std::vector<uint8_t> encode_specials(const GridShape& shape, const Specials<T>& specials) {
  if (specials.mask.empty()) return {};
  BulkEncoder coder;
  Specials<T> copy = specials;
  code_specials(shape, coder, copy);
  std::vector<uint8_t> bytes = coder.finish();
  if (bytes.empty()) bytes.push_back(0);  // empty means: no mask
  return bytes;
}

template <class T>
Specials<T> decode_specials(const GridShape& shape, std::span<const uint8_t> bytes) {
  Specials<T> specials;
  if (bytes.empty()) return specials;
  specials.mask.assign(shape.size(), 0);
  BulkDecoder coder(bytes);
  code_specials(shape, coder, specials);
  return specials;
}

template <class T>
void restore_specials(const Specials<T>& specials, T* values) {
  size_t next = 0;
  for (size_t i = 0; i < specials.mask.size(); i++)
    if (specials.mask[i]) values[i] = specials.values[next++];
}

#define GAUSSITU_INSTANCES(T)                                                          \
  template Specials<T> find_specials(std::span<const T>, std::span<const T>);          \
  template std::vector<uint8_t> encode_specials(const GridShape&, const Specials<T>&); \
  template Specials<T> decode_specials(const GridShape&, std::span<const uint8_t>);    \
  template void restore_specials(const Specials<T>&, T*);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
