// Test only: runs the sources of native/cuda on the host under CUDA's execution model, to be included in
// place of <cuda_runtime.h> (native/cuda/launch.hpp does). One fiber per thread, one block at a time:
//
//   - threads run in an order drawn from a seed, each as far as its next barrier or warp operation; so do
//     blocks, and streams as far as events let them. A result that changes with the seed has a race;
//   - a barrier that some threads of a block pass elsewhere or never, and a warp operation that a lane named
//   in
//     its mask does not take part in, throw a Fault that names the lines;
//   - shared and device memory is filled with NaN (0xff), and every array is a heap block of its own: built
//     with the address sanitizer, accesses out of bounds stop the program. So do host accesses to device
//     memory; a host array passed to a kernel is a Fault;
//   - memory of a pool is there from the point of its stream where it was asked for to the one where it was
//     given back: used before or after, or by another stream that does not wait, it is poisoned or NaN;
//   - work on a stream, copies too, waits until the host synchronises: a result read too early is NaN.
//
// Not modelled: lanes in lockstep, memory that is not coherent, and the order of two barriers on one line.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) {
  return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
using cudaMemPool_t = struct CUmemPool_st*;

namespace emulation {

/// What a real device would have answered with wrong results, a hang or a crash.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Seed of the order of everything from now on.
void set_seed(uint64_t seed);

/// Emulated device memory in total, for tests of what happens when it runs out.
void set_device_memory(size_t bytes);

/// Kernels launched since the start.
uint64_t launches();

/// How often the driver was asked for memory: device memory, growth of a pool, pinned memory.
uint64_t reservations();

/// Whether the device has pools of memory, as nearly all have; for devices opened from now on.
void set_memory_pools(bool supported);

struct Site {
  const char* file;
  int line;
};

enum class WarpOp { sync, ballot, shuffle, match };

// The thread that runs now.
struct Thread {
  uint3 thread_index;
  unsigned lane;
};
extern Thread* current;
extern uint3 block_index;
extern dim3 block_size, grid_size;

void barrier(Site site);
/// Deposits `value` and waits for all lanes of `mask`. shuffle: the value of lane `from`. ballot: the lanes
/// whose value is not 0. match: the lanes with an equal value.
uint64_t warp(Site site, WarpOp op, unsigned mask, uint64_t value, unsigned from = 0);

template <class T>
uint64_t bits_of(T value) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T>
T shuffle(Site site, unsigned mask, T value, unsigned from) {
  const uint64_t bits = warp(site, WarpOp::shuffle, mask, bits_of(value), from);
  T out;
  std::memcpy(&out, &bits, sizeof(T));
  return out;
}
// Source lanes as in the CUDA C++ programming guide: inside sections of `width` lanes, its own where there is
// none.
template <class T>
T shfl(Site site, unsigned mask, T value, int from, int width = 32) {
  const unsigned lane = current->lane, section = lane & ~static_cast<unsigned>(width - 1);
  return shuffle(site, mask, value,
                 section + (static_cast<unsigned>(from) & static_cast<unsigned>(width - 1)));
}
template <class T>
T shfl_down(Site site, unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = current->lane, end = (lane & ~static_cast<unsigned>(width - 1)) + width;
  return shuffle(site, mask, value, lane + delta < end ? lane + delta : lane);
}
template <class T>
T shfl_up(Site site, unsigned mask, T value, unsigned delta, int width = 32) {
  const unsigned lane = current->lane, begin = lane & ~static_cast<unsigned>(width - 1);
  return shuffle(site, mask, value, lane >= begin + delta ? lane - delta : lane);
}
template <class T>
T shfl_xor(Site site, unsigned mask, T value, unsigned bits, int width = 32) {
  const unsigned lane = current->lane, end = (lane & ~static_cast<unsigned>(width - 1)) + width;
  return shuffle(site, mask, value, (lane ^ bits) < end ? lane ^ bits : lane);
}

/// Storage of a block's shared array, the same for all its threads; `key` tells arrays apart.
void* shared(const void* key, size_t bytes);
void* dynamic_shared();

struct Launch {
  dim3 grid, block;
  size_t shared_bytes;
  std::function<void()> thread;
};
void enqueue(cudaStream_t stream, Launch launch);
void check_argument(const void* bytes, size_t size);

template <class T>
void check(T argument) {
#if defined(__GNUC__) && !defined(__clang__)
  __builtin_clear_padding(&argument);  // what is left there may look like a pointer
  check_argument(&argument, sizeof(argument));
#endif
}

}  // namespace emulation

#define threadIdx (::emulation::current->thread_index)
#define blockIdx (::emulation::block_index)
#define blockDim (::emulation::block_size)
#define gridDim (::emulation::grid_size)
#define EMULATION_SITE \
  ::emulation::Site {  \
    __FILE__, __LINE__ \
  }
#define __syncthreads() ::emulation::barrier(EMULATION_SITE)
#define __syncwarp(...)                                                          \
  static_cast<void>(::emulation::warp(EMULATION_SITE, ::emulation::WarpOp::sync, \
                                      ::emulation::mask_or_all(__VA_ARGS__), 0))
#define __ballot_sync(mask, predicate) \
  static_cast<unsigned>(               \
      ::emulation::warp(EMULATION_SITE, ::emulation::WarpOp::ballot, mask, (predicate) ? 1 : 0))
#define __any_sync(mask, predicate) (__ballot_sync(mask, predicate) != 0)
#define __all_sync(mask, predicate) (__ballot_sync(mask, !(predicate)) == 0)
#define __match_any_sync(mask, value) \
  static_cast<unsigned>(              \
      ::emulation::warp(EMULATION_SITE, ::emulation::WarpOp::match, mask, ::emulation::bits_of(value)))
#define __shfl_sync(...) ::emulation::shfl(EMULATION_SITE, __VA_ARGS__)
#define __shfl_down_sync(...) ::emulation::shfl_down(EMULATION_SITE, __VA_ARGS__)
#define __shfl_up_sync(...) ::emulation::shfl_up(EMULATION_SITE, __VA_ARGS__)
#define __shfl_xor_sync(...) ::emulation::shfl_xor(EMULATION_SITE, __VA_ARGS__)

namespace emulation {
inline unsigned mask_or_all(unsigned mask = 0xffffffffu) {
  return mask;
}
}  // namespace emulation

inline int __popc(unsigned x) {
  return __builtin_popcount(x);
}
inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __clz(int x) {
  return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x));
}
template <class T>
T __ldg(const T* p) {
  return *p;
}
inline void __threadfence() {}

// One thread runs at a time: nothing can come between.
template <class T>
T atomicAdd(T* p, T value) {
  const T before = *p;
  *p = before + value;
  return before;
}
template <class T>
T atomicMax(T* p, T value) {
  const T before = *p;
  if (value > before) *p = value;
  return before;
}
template <class T>
T atomicMin(T* p, T value) {
  const T before = *p;
  if (value < before) *p = value;
  return before;
}
template <class T>
T atomicExch(T* p, T value) {
  const T before = *p;
  *p = value;
  return before;
}
template <class T>
T atomicCAS(T* p, T expected, T value) {
  const T before = *p;
  if (before == expected) *p = value;
  return before;
}

// The part of the run-time library that native/cuda uses.
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorNotReady = 600
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
  size_t totalGlobalMem;
};
inline constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaHostAllocDefault = 0;

enum cudaDeviceAttr { cudaDevAttrMemoryPoolsSupported = 115 };
enum cudaMemAllocationType { cudaMemAllocationTypePinned = 1 };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4 };
struct cudaMemPoolProps {
  cudaMemAllocationType allocType;
  struct {
    cudaMemLocationType type;
    int id;
  } location;
};

const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** p, size_t bytes);
cudaError_t cudaFree(void* p);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties);
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes);
cudaError_t cudaMallocFromPoolAsync(void** p, size_t bytes, cudaMemPool_t pool, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream);
cudaError_t cudaHostAlloc(void** p, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* p);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventSynchronize(cudaEvent_t event);

// What launch.hpp defines for nvcc.
#define GAUSSITU_SHARED(type, name, count) \
  static char name##_key;                  \
  type(&name)[count] = *static_cast<type(*)[count]>(::emulation::shared(&name##_key, sizeof(type) * (count)))
#define GAUSSITU_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::emulation::dynamic_shared())

namespace gaussitu::cuda {

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            Arguments&&... arguments) {
  std::tuple<std::remove_const_t<Parameters>...> copies(arguments...);
  std::apply([](const auto&... copy) { (::emulation::check(copy), ...); }, copies);
  ::emulation::enqueue(stream, {grid, block, shared_bytes, [=] { std::apply(kernel, copies); }});
}

}  // namespace gaussitu::cuda
