#include "memory.hpp"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "client/src/cuda_driver.hpp"

namespace gaussitu::catalyst {
namespace {

/// The kernel reads one byte for us and says when it cannot, instead of a signal.
bool readable_byte(const void* address) {
  uint8_t byte;
  const iovec to{&byte, 1}, from{const_cast<void*>(address), 1};
  if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1) return true;
  // A sandbox may forbid the call; then being mapped, which was asked before, has to do.
  return errno != EFAULT;
}

/// Every page of the range is mapped.
bool mapped(uintptr_t first, size_t bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  std::array<unsigned char, 4096> resident;
  uintptr_t at = first & ~(page - 1);
  const uintptr_t end = first + bytes;
  while (at < end) {
    const size_t length = std::min<size_t>(end - at, resident.size() * page);
    if (mincore(reinterpret_cast<void*>(at), length, resident.data()) != 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

Place place_of(const void* first, size_t bytes) {
  if (bytes == 0) return Place::host;
  const auto address = reinterpret_cast<uintptr_t>(first);
  if (!first || bytes > UINTPTR_MAX - address) return Place::nowhere;
  if (client::cuda::on_device(first)) return Place::device;
  const auto* last = static_cast<const uint8_t*>(first) + bytes - 1;
  return mapped(address, bytes) && readable_byte(first) && readable_byte(last) ? Place::host : Place::nowhere;
}

}  // namespace gaussitu::catalyst
