// Long arrays. Fetching and clearing fresh memory takes as long as the work on it: all threads do it.
#pragma once
#include <cstring>
#include <memory>
#include <vector>

#include "base/chunks.hpp"

namespace gaussitu {

/// Leaves values that nobody gave a value as they are in memory.
template <class T>
struct LeaveUnset : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = LeaveUnset<U>;
  };
  template <class U>
  void construct(U*) noexcept {}
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    std::construct_at(at, std::forward<Args>(args)...);
  }
};

/// As std::vector, but Array(n) and resize(n) leave new elements unset.
template <class T>
using Array = std::vector<T, LeaveUnset<T>>;

template <class T>
Array<T> zeros(size_t count) {
  Array<T> array(count);
  for_chunks(count, [&](size_t first, size_t last) {
    std::memset(static_cast<void*>(array.data() + first), 0, (last - first) * sizeof(T));
  });
  return array;
}

}  // namespace gaussitu
