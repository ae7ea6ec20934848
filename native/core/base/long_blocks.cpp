#include "base/long_blocks.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace gaussitu {

namespace {

// The most that is kept, of all sizes together.
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kMost = 0;  // what is used after it was given back is to be found
#else
constexpr size_t kMost = size_t{128} << 20;
#endif

struct Block {
  void* memory;
  size_t size;
};

struct Kept {
  std::mutex mutex;
  std::vector<Block> blocks;  // the longest kept first
  size_t size = 0;
};

// Never destroyed: threads may still be at work when the process exits.
Kept& kept() {
  static Kept* blocks = new Kept;
  return *blocks;
}

size_t rounded(size_t bytes) {
  const size_t unit = bytes < kLargePage ? size_t{1} << 16 : kLargePage;
  return (bytes + unit - 1) / unit * unit;
}

#ifdef __linux__

void* map(size_t size) {
  const size_t before = size < kLargePage ? 0 : kLargePage;
  void* const all = mmap(nullptr, size + before, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  if (before == 0) return all;
  // What lies before and after the large pages is given back.
  const auto at = reinterpret_cast<uintptr_t>(all);
  const uintptr_t begin = (at + kLargePage - 1) / kLargePage * kLargePage;
  if (begin > at) munmap(all, begin - at);
  if (at + kLargePage > begin) munmap(reinterpret_cast<void*>(begin + size), at + kLargePage - begin);
  madvise(reinterpret_cast<void*>(begin), size, MADV_HUGEPAGE);  // a wish: failing changes nothing
  return reinterpret_cast<void*>(begin);
}

void unmap(const Block& b) noexcept {
  munmap(b.memory, b.size);
}

#else

void* map(size_t size) {
  return ::operator new(size);
}

void unmap(const Block& b) noexcept {
  ::operator delete(b.memory);
}

#endif

}  // namespace

void* take_long_block(size_t bytes) {
  const size_t size = rounded(bytes);
  Kept& k = kept();
  {
    const std::lock_guard lock(k.mutex);
    const auto same =
        std::find_if(k.blocks.rbegin(), k.blocks.rend(), [&](const Block& b) { return b.size == size; });
    if (same != k.blocks.rend()) {
      void* const memory = same->memory;
      k.blocks.erase(std::next(same).base());
      k.size -= size;
      return memory;
    }
  }
  return map(size);
}

void give_long_block(void* memory, size_t bytes) noexcept {
  const Block block{memory, rounded(bytes)};
  if (block.size > kMost) return unmap(block);
  Kept& k = kept();
  const std::lock_guard lock(k.mutex);
  while (k.size + block.size > kMost) {
    unmap(k.blocks.front());
    k.size -= k.blocks.front().size;
    k.blocks.erase(k.blocks.begin());
  }
  try {
    k.blocks.push_back(block);
    k.size += block.size;
  } catch (const std::bad_alloc&) {
    unmap(block);
  }
}

}  // namespace gaussitu
