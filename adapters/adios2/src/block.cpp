#include "block.hpp"

#include <cstring>
#include <stdexcept>

namespace gaussitu::adios2_adapter {

Box box_of(const Block& b) {
  Box box;
  box.global = b.global;
  const size_t axes = b.count.size();
  const auto at = [](const std::vector<uint64_t>& v, size_t axis) { return static_cast<int64_t>(v[axis]); };
  for (size_t axis = 0; axis < axes && axis < 3; axis++) {
    box.count[axis] = at(b.count, axis);
    box.shape[axis] = b.global ? at(b.shape, axis) : box.count[axis];
    box.start[axis] = b.global ? at(b.start, axis) : 0;
  }
  for (size_t axis = 3; axis < axes; axis++) {
    // z' = z + axis3 * shape_z + ...: contiguous in z' only when every inner folded axis is whole.
    if (b.global && box.count[2] != box.shape[2]) box.global = false;
    box.start[2] = b.global ? box.start[2] + at(b.start, axis) * box.shape[2] : 0;
    box.shape[2] *= b.global ? at(b.shape, axis) : at(b.count, axis);
    box.count[2] *= at(b.count, axis);
  }
  if (!box.global) {
    box.start = {0, 0, 0};
    box.shape = box.count;
  }
  return box;
}

std::vector<unsigned char> gather(const Block& b) {
  const size_t bytes = value_bytes(b), axes = b.count.size();
  std::vector<unsigned char> out(values(b) * bytes);
  const auto* data = static_cast<const unsigned char*>(b.data);
  if (b.memory_count.empty()) {
    std::memcpy(out.data(), data, out.size());
    return out;
  }
  if (b.memory_count.size() != axes || b.memory_start.size() != axes)
    throw std::invalid_argument("memory selection of " + b.name + ": expected " + std::to_string(axes) +
                                " axes, received " + std::to_string(b.memory_count.size()));
  for (size_t axis = 0; axis < axes; axis++)
    if (b.memory_start[axis] > b.memory_count[axis] ||
        b.count[axis] > b.memory_count[axis] - b.memory_start[axis])
      throw std::invalid_argument("memory selection of " + b.name + ": the block of " +
                                  std::to_string(b.count[axis]) + " from " +
                                  std::to_string(b.memory_start[axis]) + " does not fit the buffer of " +
                                  std::to_string(b.memory_count[axis]));
  const size_t row = b.count[0] * bytes;
  std::vector<uint64_t> index(axes, 0);  // of the row; index[0] stays 0
  for (size_t to = 0; to < out.size(); to += row) {
    uint64_t from = 0;
    for (size_t axis = axes; axis-- > 0;)
      from = from * b.memory_count[axis] + b.memory_start[axis] + index[axis];
    std::memcpy(out.data() + to, data + from * bytes, row);
    for (size_t axis = 1; axis < axes && ++index[axis] == b.count[axis]; axis++) index[axis] = 0;
  }
  return out;
}

}  // namespace gaussitu::adios2_adapter
