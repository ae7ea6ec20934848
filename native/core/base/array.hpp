// Long arrays. Fetching and clearing fresh memory can take as long as the work on it: new elements are not
// cleared, from some megabytes on memory comes in large pages, and what must be zero is fetched or cleared by
// all threads.
//   Where Linux gives large pages on request only ("madvise", the usual setting) each 4 kB page that is
// written for the first time costs a fault; 100 MB took 370 ms on a virtual machine, 12 ms in large pages.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "base/chunks.hpp"

namespace gaussitu {

template <class T>
class LargePages {
 public:
  using value_type = T;
  static constexpr size_t kPage = size_t{1} << 21;
  /// Large pages that are mapped for n elements; 0: too few for it, or no Linux.
  static size_t pages([[maybe_unused]] size_t n) {
#ifdef __linux__
    return n * sizeof(T) < kPage ? 0 : (n * sizeof(T) + kPage - 1) / kPage;
#else
    return 0;
#endif
  }

  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) noexcept {}
  bool operator==(const LargePages&) const {
    return true;
  }

  T* allocate(size_t n) {
    if (n > PTRDIFF_MAX / sizeof(T)) throw std::bad_alloc();
#ifdef __linux__
    if (const size_t size = pages(n) * kPage) {
      // From a boundary of large pages on: what lies before and after it is given back.
      void* const all =
          mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (all == MAP_FAILED) throw std::bad_alloc();
      const auto at = reinterpret_cast<uintptr_t>(all);
      const uintptr_t begin = (at + kPage - 1) / kPage * kPage;
      if (begin > at) munmap(all, begin - at);
      if (at + kPage > begin) munmap(reinterpret_cast<void*>(begin + size), at + kPage - begin);
      madvise(reinterpret_cast<void*>(begin), size, MADV_HUGEPAGE);  // a wish: failing changes nothing
      return reinterpret_cast<T*>(begin);
    }
#endif
    return static_cast<T*>(::operator new(n * sizeof(T)));
  }

  void deallocate(T* p, size_t n) noexcept {
#ifdef __linux__
    if (const size_t size = pages(n) * kPage) {
      munmap(p, size);
      return;
    }
#endif
    ::operator delete(p);
  }

  /// Elements of a new array keep what is in memory.
  template <class U>
  void construct(U* p) noexcept {
    ::new (static_cast<void*>(p)) U;
  }
};

/// As std::vector, but Array(n) and resize(n) leave new elements as they are in memory.
template <class T>
using Array = std::vector<T, LargePages<T>>;

template <class T>
Array<T> zeros(size_t count) {
  Array<T> array(count);
  // Mapped memory is zero: threads only fetch it, a large page each.
  if (const size_t pages = LargePages<T>::pages(count)) {
    volatile auto* const bytes = reinterpret_cast<uint8_t*>(array.data());
    parallel_for(pages, [&](size_t p) { bytes[p * LargePages<T>::kPage] = 0; });
    return array;
  }
  for_chunks(count, [&](size_t first, size_t last) {
    std::memset(static_cast<void*>(array.data() + first), 0, (last - first) * sizeof(T));
  });
  return array;
}

}  // namespace gaussitu
