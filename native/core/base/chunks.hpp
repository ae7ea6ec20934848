// Long loops over the values of an array, cut where the array says and not the threads, so that what is added
// up in the order of the chunks is the same whatever the number of threads.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/thread_pool.hpp"

namespace gaussitu {

inline constexpr size_t kChunkValues = 1 << 16;

/// body(first, last) for each chunk of [0, count).
template <class Body>
void for_chunks(size_t count, const Body& body) {
  parallel_for((count + kChunkValues - 1) / kChunkValues,
               [&](size_t c) { body(c * kChunkValues, std::min(count, (c + 1) * kChunkValues)); });
}

/// The parts that part(first, last) makes of each chunk of [0, count), in order.
template <class Part, class Body>
std::vector<Part> map_chunks(size_t count, const Body& part) {
  std::vector<Part> parts((count + kChunkValues - 1) / kChunkValues);
  for_chunks(count, [&](size_t first, size_t last) { parts[first / kChunkValues] = part(first, last); });
  return parts;
}

}  // namespace gaussitu
