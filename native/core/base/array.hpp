// Long arrays. Fetching and clearing fresh memory can take as long as the work on it: new elements are not
// cleared, from some megabytes on memory comes in large pages, and what must be zero is cleared by all
// threads.
//   Where Linux gives large pages on request only ("madvise", the usual setting) each 4 kB page that is
// written for the first time costs a fault; 100 MB took 370 ms on a virtual machine, 12 ms in large pages.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#include "base/chunks.hpp"
#include "base/long_blocks.hpp"

namespace gaussitu {

template <class T>
class LongBlocks {
 public:
  using value_type = T;
  LongBlocks() = default;
  template <class U>
  LongBlocks(const LongBlocks<U>&) noexcept {}
  bool operator==(const LongBlocks&) const { return true; }

  T* allocate(size_t n) {
    if (n > PTRDIFF_MAX / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(is_long(n) ? take_long_block(n * sizeof(T)) : ::operator new(n * sizeof(T)));
  }

  void deallocate(T* p, size_t n) noexcept {
    is_long(n) ? give_long_block(p, n * sizeof(T)) : ::operator delete(p);
  }

  /// Elements of a new array keep what is in memory.
  template <class U>
  void construct(U* p) noexcept {
    ::new (static_cast<void*>(p)) U;
  }

 private:
  static bool is_long(size_t n) { return n * sizeof(T) >= size_t{1} << 17; }
};

/// As std::vector, but Array(n) and resize(n) leave new elements as they are in memory.
template <class T>
using Array = std::vector<T, LongBlocks<T>>;

template <class T>
Array<T> zeros(size_t count) {
  Array<T> array(count);
  auto* const bytes = reinterpret_cast<uint8_t*>(array.data());
  const size_t size = count * sizeof(T);
  // A large page each: two threads that fetch the same one wait for each other.
  parallel_for((size + kLargePage - 1) / kLargePage, [&](size_t p) {
    std::memset(bytes + p * kLargePage, 0, std::min(kLargePage, size - p * kLargePage));
  });
  return array;
}

}  // namespace gaussitu
