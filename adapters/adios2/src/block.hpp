// What a Put hands over, free of ADIOS2's types and of its axis order.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gaussitu.h"

namespace gaussitu::adios2_adapter {

struct Block {
  std::string name;
  gaussitu_dtype dtype = GAUSSITU_F32;
  int components = 1;           // 2 for complex numbers
  bool global = false;          // part of an array over all ranks
  std::vector<uint64_t> shape;  // of the whole array; x fastest, as the following
  std::vector<uint64_t> start, count;
  std::vector<uint64_t> memory_start, memory_count;  // where the block lies in `data`; empty: it fills it
  const void* data = nullptr;
  gaussitu_target target{nullptr, GAUSSITU_TARGET_NONE, 0};
};

inline size_t value_bytes(const Block& b) {
  static constexpr size_t bytes[] = {4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
  return bytes[b.dtype] * static_cast<size_t>(b.components);
}
inline uint64_t values(const Block& b) {
  uint64_t n = 1;
  for (const uint64_t c : b.count) n *= c;
  return n;
}

/// Three axes, x first: axes that are missing have length 1. Arrays of more axes keep x and y; the rest are
/// folded into z, which is exact as long as the block has all of them but the last (else it is a block on its
/// own: `global` is false then).
struct Box {
  std::array<int64_t, 3> count{1, 1, 1}, start{0, 0, 0}, shape{1, 1, 1};
  bool global = false;
  bool operator==(const Box& o) const {
    return count == o.count && start == o.start && shape == o.shape && global == o.global;
  }
};
Box box_of(const Block& block);

/// The block's values next to each other, [values * value_bytes]: taken out of the user's larger buffer
/// (ghosted arrays) where there is a memory selection. Throws std::invalid_argument when that does not fit.
std::vector<unsigned char> gather(const Block& block);

}  // namespace gaussitu::adios2_adapter
