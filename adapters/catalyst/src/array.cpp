#include "array.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "client/src/cuda_driver.hpp"
#include "memory.hpp"
#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

/// Copies `size` bytes, reversed when `swap`.
inline void load(void* to, const uint8_t* from, size_t size, bool swap) {
  std::memcpy(to, from, size);
  if (swap) std::reverse(static_cast<uint8_t*>(to), static_cast<uint8_t*>(to) + size);
}

template <class T>
T value(const ArrayView& v, int64_t i) {
  T out;
  load(&out, v.first + i * v.stride, sizeof out, v.swap);
  return out;
}

template <class Use>
auto with_type(const ArrayView& v, Use use) {
  switch (v.dtype) {
    case GAUSSITU_F32:
      return use(float{});
    case GAUSSITU_I8:
      return use(int8_t{});
    case GAUSSITU_U8:
      return use(uint8_t{});
    case GAUSSITU_I16:
      return use(int16_t{});
    case GAUSSITU_U16:
      return use(uint16_t{});
    case GAUSSITU_I32:
      return use(int32_t{});
    case GAUSSITU_U32:
      return use(uint32_t{});
    case GAUSSITU_I64:
      return use(int64_t{});
    case GAUSSITU_U64:
      return use(uint64_t{});
    default:
      return use(double{});
  }
}

/// Value i of each component to out[i, c]; Size known to the compiler, so that memcpy is one instruction.
template <size_t Size>
void gather(uint8_t* out, size_t step, const ArrayView& v, const Pick& p) {
  for (int64_t k = 0; k < p.dims[2]; ++k)
    for (int64_t j = 0; j < p.dims[1]; ++j) {
      const uint8_t* row = v.first + (p.offset + j * p.strides[1] + k * p.strides[2]) * v.stride;
      for (int64_t i = 0; i < p.dims[0]; ++i, out += step)
        load(out, row + i * p.strides[0] * v.stride, Size, v.swap);
    }
}

void gather(uint8_t* out, size_t step, const ArrayView& v, const Pick& p) {
  switch (dtype_bytes(v.dtype)) {
    case 1:
      return gather<1>(out, step, v, p);
    case 2:
      return gather<2>(out, step, v, p);
    case 4:
      return gather<4>(out, step, v, p);
    default:
      return gather<8>(out, step, v, p);
  }
}

/// The components already lie side by side, in the right order and byte order.
bool interleaved(const std::vector<ArrayView>& c) {
  const int64_t size = dtype_bytes(c[0].dtype);
  for (size_t i = 0; i < c.size(); ++i) {
    const bool here = c[i].first == c[0].first + static_cast<int64_t>(i) * size;
    if (c[i].dtype != c[0].dtype || c[i].swap || !here) return false;
    if (c[i].count > 1 && c[i].stride != size * static_cast<int64_t>(c.size())) return false;
  }
  return true;
}

uint64_t mix(uint64_t a, uint64_t b) {
  a = (a ^ b) * 0x9e3779b97f4a7c15u;
  return (a << 29 | a >> 35) * 0xbf58476d1ce4e5b9u;
}

}  // namespace

int64_t dtype_bytes(gaussitu_dtype dtype) {
  static constexpr int64_t bytes[] = {4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
  return bytes[dtype];
}

void make_readable(ArrayView& view, const std::string& what) {
  if (view.count == 0) return;
  // Counts and strides come from outside: their product must not wrap.
  int64_t reach = 0;
  if (__builtin_mul_overflow(view.stride, view.count - 1, &reach) || reach == INT64_MIN)
    refuse(what + ": expected a count and a stride that fit an address, received " +
           std::to_string(view.count) + " values " + std::to_string(view.stride) + " bytes apart");
  const uint8_t* low = view.first + std::min<int64_t>(reach, 0);
  const auto bytes = static_cast<size_t>(std::abs(reach) + dtype_bytes(view.dtype));
  switch (place_of(low, bytes)) {
    case Place::host:
      return;
    case Place::device:
      view.copy = std::make_shared<std::vector<uint8_t>>(bytes);
      if (client::cuda::copy_from_device(view.copy->data(), low, bytes)) {
        view.first = view.copy->data() + (view.first - low);
        return;
      }
      refuse(what + ": is on a GPU, and copying it to the host failed");
    default:
      refuse(what + ": expected memory that the host can read, received an address where " +
             std::to_string(bytes) +
             " bytes cannot be read (device memory without CUDA's driver, freed memory, or a wrong length)");
  }
}

int64_t Pick::reach() const {
  int64_t last = offset, size = 1;
  bool bad = offset < 0;
  for (int a = 0; a < 3; ++a) {
    int64_t span = 0;
    bad = bad || dims[a] < 0 || strides[a] < 0 ||
          __builtin_mul_overflow(std::max<int64_t>(dims[a] - 1, 0), strides[a], &span) ||
          __builtin_add_overflow(last, span, &last) || __builtin_mul_overflow(size, dims[a], &size);
  }
  if (bad) refuse("expected offsets and strides of 0 or more");
  return size == 0 ? 0 : last + 1;
}

Packed pack(const std::vector<ArrayView>& components, const Pick* pick) {
  Packed out;
  out.components = static_cast<int32_t>(components.size());
  out.dtype = components[0].dtype;
  out.count = pick ? pick->count() : components[0].count;
  if (!pick && interleaved(components)) {
    out.data = components[0].first;
    return out;
  }
  Pick all;
  all.dims[0] = out.count;
  const Pick& from = pick ? *pick : all;
  const bool one_type = std::all_of(components.begin(), components.end(),
                                    [&](const ArrayView& v) { return v.dtype == out.dtype; });
  if (!one_type) out.dtype = GAUSSITU_F64;
  const auto size = static_cast<size_t>(dtype_bytes(out.dtype));
  const size_t step = size * components.size();
  out.own.resize(static_cast<size_t>(out.count) * step);
  for (size_t c = 0; c < components.size(); ++c) {
    uint8_t* to = out.own.data() + c * size;
    if (one_type) {
      gather(to, step, components[c], from);
      continue;
    }
    for (int64_t k = 0; k < from.dims[2]; ++k)
      for (int64_t j = 0; j < from.dims[1]; ++j)
        for (int64_t i = 0; i < from.dims[0]; ++i, to += step) {
          const double v = real_at(
              components[c], from.offset + i * from.strides[0] + j * from.strides[1] + k * from.strides[2]);
          std::memcpy(to, &v, sizeof v);
        }
  }
  out.data = out.own.data();
  return out;
}

int64_t integer_at(const ArrayView& view, int64_t i) {
  return with_type(view, [&](auto type) { return static_cast<int64_t>(value<decltype(type)>(view, i)); });
}

double real_at(const ArrayView& view, int64_t i) {
  return with_type(view, [&](auto type) { return static_cast<double>(value<decltype(type)>(view, i)); });
}

template <class T>
std::vector<T> integers(const ArrayView& view, const std::string& what) {
  if (is_float(view.dtype)) refuse(what + ": expected integers, received floating-point numbers");
  std::vector<T> out(static_cast<size_t>(view.count));
  for (int64_t i = 0; i < view.count; ++i) {
    const int64_t v = integer_at(view, i);
    // An unsigned value beyond 2^63 arrives here as a negative one.
    if (v < 0 || v > std::numeric_limits<T>::max())
      refuse(what + "[" + std::to_string(i) + "]: expected an index of 0 or more, received " +
             std::to_string(v));
    out[static_cast<size_t>(i)] = static_cast<T>(v);
  }
  return out;
}
template std::vector<int32_t> integers(const ArrayView&, const std::string&);
template std::vector<int64_t> integers(const ArrayView&, const std::string&);

uint64_t hash(uint64_t seed, const void* data, size_t bytes) {
  const auto* p = static_cast<const uint8_t*>(data);
  // Four chains, so that multiplications overlap: faster than memory.
  uint64_t lanes[4] = {seed, ~seed, seed + bytes, seed ^ bytes};
  uint64_t words[4];
  size_t left = bytes;
  for (; left >= sizeof words; left -= sizeof words, p += sizeof words) {
    std::memcpy(words, p, sizeof words);
    for (int i = 0; i < 4; ++i) lanes[i] = mix(lanes[i], words[i]);
  }
  std::memset(words, 0, sizeof words);
  if (left) std::memcpy(words, p, left);
  uint64_t h = bytes;
  for (int i = 0; i < 4; ++i) h = mix(h, mix(lanes[i], words[i]));
  return h;
}

uint64_t hash(uint64_t seed, const ArrayView& view) {
  const int64_t head[4] = {view.dtype, view.count, view.stride, view.swap};
  seed = hash(seed, head, sizeof head);
  const auto size = static_cast<size_t>(dtype_bytes(view.dtype));
  if (view.count <= 1 || view.stride == static_cast<int64_t>(size))
    return hash(seed, view.first, static_cast<size_t>(view.count) * size);
  // Strided: through a buffer, since what lies between is not ours to look at.
  uint8_t buffer[4096] = {};
  for (int64_t i = 0; i < view.count;) {
    size_t filled = 0;
    for (; i < view.count && filled + size <= sizeof buffer; ++i, filled += size)
      std::memcpy(buffer + filled, view.first + i * view.stride, size);
    seed = hash(seed, buffer, filled);
  }
  return seed;
}

}  // namespace gaussitu::catalyst
