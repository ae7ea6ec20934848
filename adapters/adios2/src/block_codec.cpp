#include "block_codec.hpp"

#include <cstring>
#include <string>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "block.hpp"
#include "bounded/bounded.hpp"

namespace gaussitu::adios2_adapter {
namespace {

constexpr uint8_t kMagic[4] = {'G', 'o', 'B', 1};
constexpr size_t kMaxAxes = 32;

size_t header_bytes(size_t axes) {
  return sizeof kMagic + 2 + 8 * axes;
}

std::shared_ptr<const Layout> layout_of(std::span<const uint64_t> dims) {
  Block block;
  block.count.assign(dims.begin(), dims.end());
  const Box box = box_of(block);
  MeshView mesh;
  for (size_t axis = 0; axis < 3; axis++) {
    if (box.count[axis] < 1 || box.count[axis] > UINT32_MAX)
      throw Error(Code::invalid_argument,
                  "expected axes of 1 to 2^32 - 1 values, received " + std::to_string(box.count[axis]));
    mesh.dims[axis] = static_cast<uint32_t>(box.count[axis]);
  }
  return make_layout(mesh, Association::node);
}

[[noreturn]] void damaged(const char* what) {
  throw Error(Code::corrupt_stream, std::string("gaussitu operator: the block is damaged: ") + what);
}

/// The simulation has the processors: the pool of the codec is this thread alone.
void stay_on_this_thread() {
  static const bool once = (set_thread_count(1), true);
  (void)once;
}

}  // namespace

size_t largest_encoded(size_t values, size_t value_bytes) {
  const size_t raw = values * value_bytes;
  return header_bytes(kMaxAxes) + raw + raw / 500 + 512;
}

std::vector<uint8_t> encode_block(const void* data, size_t value_bytes, std::span<const uint64_t> dims,
                                  const BlockBound& bound) {
  stay_on_this_thread();
  if (dims.size() > kMaxAxes) throw Error(Code::invalid_argument, "expected at most 32 axes");
  const auto layout = layout_of(dims);
  ArrayView values;
  values.data = data;
  values.dtype = value_bytes == 4 ? Dtype::f32 : Dtype::f64;
  values.count = layout->size();
  BoundTarget target;
  (bound.relative ? target.relative : target.absolute) = bound.value;
  const auto result = encode_bounded(*layout, values, target, {}, {});
  std::vector<uint8_t> out(kMagic, kMagic + sizeof kMagic);
  out.push_back(static_cast<uint8_t>(value_bytes));
  out.push_back(static_cast<uint8_t>(dims.size()));
  for (const uint64_t dim : dims)
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<uint8_t>(dim >> shift));
  out.insert(out.end(), result.payload.begin(), result.payload.end());
  return out;
}

size_t decode_block(std::span<const uint8_t> bytes, void* out) {
  stay_on_this_thread();
  if (bytes.size() < header_bytes(0) || std::memcmp(bytes.data(), kMagic, 3) != 0) damaged("not one of ours");
  if (bytes[3] != kMagic[3])
    throw Error(Code::unsupported,
                "gaussitu operator: expected version 1, received " + std::to_string(bytes[3]));
  const size_t value_bytes = bytes[4], axes = bytes[5];
  if (value_bytes != 4 && value_bytes != 8) damaged("neither f32 nor f64");
  if (axes > kMaxAxes || bytes.size() < header_bytes(axes)) damaged("it ends within its header");
  std::vector<uint64_t> dims(axes, 0);
  uint64_t total = 1;
  for (size_t axis = 0; axis < axes; axis++) {
    for (int byte = 7; byte >= 0; byte--)
      dims[axis] = dims[axis] << 8 | bytes[header_bytes(axis) + size_t(byte)];
    if (dims[axis] == 0 || __builtin_mul_overflow(total, dims[axis], &total) || total > UINT32_MAX)
      damaged("its size makes no sense");
  }
  const auto layout = layout_of(dims);
  const auto decoded = decode_bounded(*layout, value_bytes == 4 ? Dtype::f32 : Dtype::f64,
                                      bytes.subspan(header_bytes(axes)), {});
  return std::visit(
      [&](const auto& values) {
        const size_t size = values.size() * sizeof values[0];
        std::memcpy(out, values.data(), size);
        return size;
      },
      decoded.values());
}

}  // namespace gaussitu::adios2_adapter
