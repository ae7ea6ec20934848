// The bytes of one array and who owns them: a copy of ours, the caller's memory, or a spilled file.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "budget.hpp"
#include "gaussitu.h"

namespace gaussitu::client {

/// Bytes that stay where they are while anyone holds them: the queue for resending, ZeroMQ while sending.
class Bytes {
 public:
  virtual ~Bytes() = default;
  const void* data() const { return data_; }
  uint64_t size() const { return size_; }

 protected:
  const void* data_ = nullptr;
  uint64_t size_ = 0;
};
using BytesPtr = std::shared_ptr<const Bytes>;

/// A copy that has already taken its size from `budget` (nullptr: not counted) and gives it back at its end,
/// also when this throws E_MEMORY.
BytesPtr copy_bytes(const void* data, uint64_t size, std::shared_ptr<Budget> budget);
/// The caller's memory, released by the deleter of `owner` when the last holder lets go.
BytesPtr borrow_bytes(std::shared_ptr<const void> owner, uint64_t size);
/// A file, mapped. Throws E_DISK when it cannot be opened or has another size.
BytesPtr map_file(const std::string& path, uint64_t size);

/// Where an array is now: in memory, or in a file that is mapped only while it is being sent.
struct Array {
  BytesPtr memory;
  std::string file;
  uint64_t size = 0;

  BytesPtr load() const { return memory ? memory : map_file(file, size); }
};

/// CRC-32 as zlib computes it.
uint32_t crc32(const void* data, uint64_t size);

}  // namespace gaussitu::client
