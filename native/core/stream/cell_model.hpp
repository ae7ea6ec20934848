// A cell between two others, as an adaptive share of the way: of many Gaussians in between, the middle one is
// near the middle, of a single one anywhere.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/error.hpp"
#include "entropy/range_coder.hpp"

namespace gaussitu {

class CellModel {
 public:
  CellModel() {
    for (auto& stride : bits_)
      for (auto& shares : stride) shares.fill({BitModel::kOne / 2, kEven});
  }

  /// A cell from `first` to `last`, with `stride` - 1 Gaussians to come on either side of it.
  template <class Coder>
  uint64_t code(Coder& coder, uint64_t cell, uint64_t first, uint64_t last, size_t stride) {
    const uint64_t count = last - first + 1;
    const uint64_t shares = std::min(count, kShares);
    auto& bits =
        bits_[std::min<size_t>(static_cast<size_t>(std::bit_width(stride)), kStrides) - 1][shares - 1];
    uint64_t low = 0, high = shares;
    size_t node = 1;
    while (high - low > 1) {
      const uint64_t middle = (low + high) / 2;
      const int upper = coder.bit(bits[node], (cell - first) * shares / count >= middle);
      (upper ? low : high) = middle;
      node = 2 * node + static_cast<size_t>(upper);
    }
    const uint64_t begin = (low * count + shares - 1) / shares, end = (high * count + shares - 1) / shares;
    return first + begin + uniform(coder, cell - first - begin, end - begin);
  }

 private:
  template <class Coder>
  static uint64_t uniform(Coder& coder, uint64_t value, uint64_t count) {
    if (count <= kMaxUniform)
      return coder.uniform(static_cast<uint32_t>(value), static_cast<uint32_t>(count));
    const uint64_t high = coder.uniform(static_cast<uint32_t>(value / kMaxUniform),
                                        static_cast<uint32_t>((count - 1) / kMaxUniform + 1));
    value = high * kMaxUniform + coder.uniform(static_cast<uint32_t>(value % kMaxUniform), kMaxUniform);
    if (value >= count) throw Error(Code::corrupt_stream, "Payload is damaged: centre outside its box");
    return value;
  }

  // Gaussians are spread evenly at first sight: estimates start as after so many decisions, half of them 0.
  static constexpr uint32_t kEven = 4;
  static constexpr uint64_t kShares = 8;
  static constexpr size_t kStrides = 4;
  std::array<std::array<std::array<BitModel, 2 * kShares>, kShares>, kStrides> bits_;
};

}  // namespace gaussitu
