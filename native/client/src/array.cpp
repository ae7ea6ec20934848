#include "array.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "status.hpp"

namespace gaussitu::client {
namespace {

// Memory that was just fetched from the system is fetched once more as it is written, page by page, and that
// takes many times as long as copying into it: large pages are fetched at once.
void* allocate(uint64_t size) {
  constexpr uint64_t kLargePage = 2 << 20;
  if (size < kLargePage) return std::malloc(size ? size : 1);
  // The last page is a large one, too, unless most of it would be empty.
  const uint64_t pages = size / kLargePage + (size % kLargePage > kLargePage / 2);
  void* memory = nullptr;
  if (posix_memalign(&memory, kLargePage, std::max(size, pages * kLargePage)) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  madvise(memory, pages * kLargePage, MADV_HUGEPAGE);  // a wish: failing changes nothing
#endif
  return memory;
}

class Copy : public Bytes {
 public:
  Copy(uint64_t size, std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {
    size_ = size;
    storage_ = allocate(size);
    data_ = storage_;
  }
  ~Copy() override {
    std::free(storage_);
    if (budget_) budget_->give(size_);
  }
  void* storage() { return storage_; }

 private:
  void* storage_;
  std::shared_ptr<Budget> budget_;
};

class Borrowed : public Bytes {
 public:
  Borrowed(std::shared_ptr<const void> owner, uint64_t size) : owner_(std::move(owner)) {
    data_ = owner_.get();
    size_ = size;
  }

 private:
  std::shared_ptr<const void> owner_;
};

class Mapped : public Bytes {
 public:
  Mapped(const void* data, uint64_t size) {
    data_ = data;
    size_ = size;
  }
  ~Mapped() override {
    if (size_) munmap(const_cast<void*>(data_), size_);
  }
};

}  // namespace

BytesPtr copy_bytes(const void* data, uint64_t size, std::shared_ptr<Budget> budget) {
  auto copy = std::make_shared<Copy>(size, std::move(budget));
  if (!copy->storage())
    throw Failure(GAUSSITU_E_MEMORY, "out of memory: expected " + std::to_string(size) +
                                         " bytes for a copy of the array (lower buffer_bytes, or spill)");
  if (size) std::memcpy(copy->storage(), data, size);
  return copy;
}

BytesPtr borrow_bytes(std::shared_ptr<const void> owner, uint64_t size) {
  return std::make_shared<Borrowed>(std::move(owner), size);
}

BytesPtr map_file(const std::string& path, uint64_t size) {
  if (size == 0) return std::make_shared<Mapped>(nullptr, 0);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Failure(GAUSSITU_E_DISK, "spilled array " + path + ": " + std::strerror(errno));
  struct stat info {};
  // Mapping past the end of a shortened file would raise SIGBUS when it is read.
  if (fstat(fd, &info) != 0 || static_cast<uint64_t>(info.st_size) != size) {
    close(fd);
    throw Failure(GAUSSITU_E_DISK, "spilled array " + path + ": expected " + std::to_string(size) +
                                       " bytes, the file has " + std::to_string(info.st_size));
  }
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  close(fd);
  if (data == MAP_FAILED)
    throw Failure(GAUSSITU_E_DISK, "spilled array " + path + ": " + std::strerror(error));
  return std::make_shared<Mapped>(data, size);
}

uint32_t crc32(const void* data, uint64_t size) {
  // Eight bytes per turn ("slicing by 8"), else this would be slower than the network.
  static const auto tables = [] {
    std::array<std::array<uint32_t, 256>, 8> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
      t[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; ++i)
      for (size_t k = 1; k < 8; ++k) t[k][i] = t[0][t[k - 1][i] & 255] ^ (t[k - 1][i] >> 8);
    return t;
  }();
  const auto* p = static_cast<const uint8_t*>(data);
  uint32_t crc = 0xffffffffu;
  for (; size >= 8; size -= 8, p += 8) {
    uint32_t lo = 0;
    for (int i = 3; i >= 0; --i) lo = lo << 8 | p[i];
    lo ^= crc;
    crc = tables[7][lo & 255] ^ tables[6][lo >> 8 & 255] ^ tables[5][lo >> 16 & 255] ^ tables[4][lo >> 24] ^
          tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
  }
  for (; size; --size, ++p) crc = tables[0][(crc ^ *p) & 255] ^ (crc >> 8);
  return ~crc;
}

}  // namespace gaussitu::client
