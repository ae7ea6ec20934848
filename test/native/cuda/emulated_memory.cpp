// The device's memory: what was taken and given back, pools, copies.
#include <algorithm>

#include "emulation_parts.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
extern "C" int __sanitizer_get_ownership(const volatile void*);  // whether a heap block starts there
#endif

struct CUmemPool_st {
  size_t used = 0, held = 0, kept = 0;  // kept: of what nobody uses, at most
  void hold_less(size_t bytes);
};

namespace emulation {

namespace {

struct Allocation {
  size_t bytes;
  CUmemPool_st* pool;  // null: of cudaMalloc
  bool there;          // its stream has come to where it was asked for
};

uint64_t reserved = 0;
bool pools = true;
size_t device_memory = size_t{1} << 30, device_used = 0;
std::map<uintptr_t, Allocation> allocations;

void release(std::map<uintptr_t, Allocation>::iterator at) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(reinterpret_cast<void*>(at->first), at->second.bytes);
#endif
  std::free(reinterpret_cast<void*>(at->first));
  allocations.erase(at);
}

}  // namespace

// Device memory may be touched by kernels and copies alone.
void guard_memory([[maybe_unused]] bool open) {
#if defined(__SANITIZE_ADDRESS__)
  for (const auto& [at, a] : allocations) {
    auto* p = reinterpret_cast<void*>(at);
    open&& a.there ? __asan_unpoison_memory_region(p, a.bytes) : __asan_poison_memory_region(p, a.bytes);
  }
#endif
}

void* plain_memory(size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 256, std::max<size_t>(bytes, 1)) != 0) return nullptr;
  std::memset(p, 0xff, bytes);
  return p;
}

void set_device_memory(size_t bytes) {
  const std::lock_guard lock(device);
  device_memory = bytes;
}

uint64_t reservations() {
  const std::lock_guard lock(device);
  return reserved;
}

void set_memory_pools(bool supported) {
  const std::lock_guard lock(device);
  pools = supported;
}

void check_argument([[maybe_unused]] const void* bytes, [[maybe_unused]] size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  const std::lock_guard lock(device);
  for (size_t k = 0; k + 8 <= size; k += 8) {
    uintptr_t word;
    std::memcpy(&word, static_cast<const char*>(bytes) + k, 8);
    if (__sanitizer_get_ownership(reinterpret_cast<const void*>(word)) && allocations.count(word) == 0)
      throw Fault("a host array is passed to a kernel");
  }
#endif
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const std::lock_guard lock(device);
  *free = device_memory - device_used;
  *total = device_memory;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** p, size_t bytes) {
  const std::lock_guard lock(device);
  *p = nullptr;
  if (bytes > device_memory - device_used) return cudaErrorMemoryAllocation;
  *p = plain_memory(bytes);
  device_used += bytes;
  reserved++;
  allocations[reinterpret_cast<uintptr_t>(*p)] = {bytes, nullptr, true};
  guard_memory(false);
  return cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  if (p == nullptr) return cudaSuccess;
  const std::lock_guard lock(device);
  while (advance()) {  // as the real one, which waits for the device
  }
  const auto found = allocations.find(reinterpret_cast<uintptr_t>(p));
  if (found == allocations.end() || found->second.pool != nullptr) throw Fault("cudaFree of something else");
  device_used -= found->second.bytes;
  release(found);
  return cudaSuccess;
}

void CUmemPool_st::hold_less(size_t bytes) {
  const size_t least = std::max(used, bytes);
  if (held <= least) return;
  device_used -= held - least;
  held = least;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = pools;
  return cudaSuccess;
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* p) {
  if (p->allocType != cudaMemAllocationTypePinned || p->location.type != cudaMemLocationTypeDevice ||
      p->location.id != 0)
    return cudaErrorInvalidValue;
  *pool = new CUmemPool_st;
  return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  const std::lock_guard lock(device);
  if (pool->used != 0) throw Fault("a pool goes before its memory has been given back");
  pool->hold_less(0);
  delete pool;
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void* value) {
  uint64_t kept;
  std::memcpy(&kept, value, sizeof kept);
  pool->kept = kept;
  return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes) {
  const std::lock_guard lock(device);
  pool->hold_less(bytes);
  return cudaSuccess;
}

cudaError_t cudaMallocFromPoolAsync(void** p, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  const std::lock_guard lock(device);
  *p = nullptr;
  const auto lacking = [&] { return pool->used + bytes > pool->held ? pool->used + bytes - pool->held : 0; };
  while (lacking() > device_memory - device_used && advance()) {  // what is given back on the way there
  }
  if (lacking() > device_memory - device_used) return cudaErrorMemoryAllocation;
  if (const size_t more = lacking()) {
    device_used += more;
    pool->held += more;
    reserved++;
  }
  pool->used += bytes;
  *p = plain_memory(bytes);
  const auto at = reinterpret_cast<uintptr_t>(*p);
  allocations[at] = {bytes, pool, false};
  guard_memory(false);
  post(
      stream,
      [at, bytes] {
        allocations.at(at).there = true;
        guard_memory(true);
        std::memset(reinterpret_cast<void*>(at), 0xff, bytes);
      },
      true);
  return cudaSuccess;
}

cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
  const std::lock_guard lock(device);
  const auto at = reinterpret_cast<uintptr_t>(p);
  if (allocations.count(at) == 0) throw Fault("cudaFreeAsync of something else");
  post(
      stream,
      [at] {
        const auto found = allocations.find(at);
        if (found == allocations.end() || !found->second.there)
          throw Fault("memory is given back twice or too early");
        CUmemPool_st* pool = found->second.pool;
        if (pool == nullptr) {
          device_used -= found->second.bytes;
        } else {
          pool->used -= found->second.bytes;
          pool->hold_less(pool->kept);
        }
        release(found);
      },
      true);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** p, size_t bytes, unsigned) {
  const std::lock_guard lock(device);
  reserved++;
  *p = plain_memory(bytes);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* p) {
  std::free(p);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const auto on_device = [](const void* p, size_t n) {
    const std::lock_guard lock(device);
    const auto at = reinterpret_cast<uintptr_t>(p);
    auto next = allocations.upper_bound(at);
    if (next == allocations.begin()) return false;
    --next;
    return at + n <= next->first + next->second.bytes;
  };
  if (bytes == 0) return cudaSuccess;
  if (on_device(to, bytes) != (kind != cudaMemcpyDeviceToHost) ||
      on_device(from, bytes) != (kind != cudaMemcpyHostToDevice))
    throw Fault("a copy whose ends are not where its kind says, or are too short");
  post(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream) {
  post(stream, [=] { std::memset(p, value, bytes); });
  return cudaSuccess;
}
