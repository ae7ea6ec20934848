// The emulation has to find the mistakes it is there for: each kernel below has one, next to one without.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "launch.hpp"

using gaussitu::cuda::launch;

namespace {

class Stream {
 public:
  Stream() { cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking); }
  ~Stream() { cudaStreamDestroy(stream_); }
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_;
};

template <class T>
class Array {
 public:
  explicit Array(size_t n) : n_(n) {
    REQUIRE(cudaMalloc(reinterpret_cast<void**>(&p_), n * sizeof(T)) == cudaSuccess);
  }
  ~Array() { cudaFree(p_); }
  T* get() const { return p_; }
  std::vector<T> read(cudaStream_t stream) const {
    std::vector<T> out(n_);
    cudaMemcpyAsync(out.data(), p_, n_ * sizeof(T), cudaMemcpyDeviceToHost, stream);
    cudaStreamSynchronize(stream);
    return out;
  }

 private:
  T* p_ = nullptr;
  size_t n_;
};

/// How many different results `compute` has over eight orders of execution.
template <class F>
size_t results(const F& compute) {
  std::set<std::string> seen;  // their bytes: NaN is a result too
  for (uint64_t seed = 0; seed < 8; seed++) {
    emulation::set_seed(seed);
    const std::vector<float> got = compute();
    seen.emplace(reinterpret_cast<const char*>(got.data()), got.size() * sizeof(float));
  }
  return seen.size();
}

template <class F>
std::string fault(const F& run) {
  try {
    run();
  } catch (const emulation::Fault& f) {
    return f.what();
  }
  return "";
}

// Turns a block's numbers round through shared memory.
template <bool kBarrier>
__global__ void reverse(const float* in, float* out) {
  GAUSSITU_SHARED(float, held, 128);
  const unsigned t = threadIdx.x, at = blockIdx.x * 128;
  held[t] = in[at + t];
  if (kBarrier) __syncthreads();
  out[at + t] = held[127 - t];
}

__global__ void reverse_dynamic(const float* in, float* out) {
  GAUSSITU_DYNAMIC_SHARED(float, held);
  held[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = held[blockDim.x - 1 - threadIdx.x];
}

__global__ void iota(float* out) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = 1.0f / static_cast<float>(3 + i);
}

__global__ void add_up(const float* in, float* sum) {
  atomicAdd(sum, in[blockIdx.x * blockDim.x + threadIdx.x]);
}

__global__ void half_at_the_barrier(float* out) {
  if (threadIdx.x < 64) __syncthreads();
  out[threadIdx.x] = 1;
}

__global__ void two_barriers(float* out) {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
    out[threadIdx.x] = 1;
  } else {
    __syncthreads();
    out[threadIdx.x] = 2;
  }
}

__global__ void lane_is_missing(float* out) {
  if (threadIdx.x != 7) out[threadIdx.x] = static_cast<float>(__ballot_sync(0xffffffffu, 1));
}

__global__ void reads_outside_the_mask(float* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xffffu, 1.0f, 20);
}

// Exchange through shared memory between lanes of one warp, which do not run in step.
template <bool kSync>
__global__ void neighbour(float* out) {
  GAUSSITU_SHARED(float, held, 32);
  const unsigned lane = threadIdx.x;
  held[lane] = static_cast<float>(lane);
  if (kSync) __syncwarp();
  out[lane] = held[lane ^ 1];
}

__global__ void warp_operations(float* out) {
  const unsigned lane = threadIdx.x % 32;
  float sum = static_cast<float>(threadIdx.x);
  for (int half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);
  const float total = __shfl_sync(0xffffffffu, sum, 0);
  float tree = static_cast<float>(lane);
  for (int bit = 1; bit < 32; bit *= 2) tree += __shfl_xor_sync(0xffffffffu, tree, bit);
  const float before = __shfl_up_sync(0xffffffffu, static_cast<float>(lane), 1);
  const float within = __shfl_down_sync(0xffffffffu, static_cast<float>(lane), 3, 8);
  float* o = out + threadIdx.x * 8;
  o[0] = total;
  o[1] = tree;
  o[2] = before;
  o[3] = within;
  o[4] = static_cast<float>(__popc(__ballot_sync(0xffffffffu, lane % 3 == 0)));
  o[5] = static_cast<float>(__popc(__match_any_sync(0xffffffffu, lane / 5)));
  o[6] = __any_sync(0xffffffffu, lane == 31) && !__any_sync(0xffffffffu, lane > 31);
  o[7] = __all_sync(0xffffffffu, lane < 32) && !__all_sync(0xffffffffu, lane < 31);
}

std::vector<float> numbers(size_t blocks, cudaStream_t s, const Array<float>& a) {
  launch(iota, static_cast<unsigned>(blocks), 128, 0, s, a.get());
  return a.read(s);
}

}  // namespace

TEST_CASE("a block exchanges numbers through shared memory; without the barrier the order of threads shows") {
  const Stream s;
  const Array<float> in(512), out(512);
  const auto turned = [&](auto kernel) {
    return [&, kernel] {
      numbers(4, s, in);
      launch(kernel, 4, 128, 0, s, in.get(), out.get());
      return out.read(s);
    };
  };
  CHECK(results(turned(reverse<true>)) == 1);
  const auto got = turned(reverse<true>)(), given = in.read(s);
  for (size_t i = 0; i < 512; i++) CHECK(got[i] == given[i / 128 * 128 + 127 - i % 128]);
  CHECK(results(turned(reverse<false>)) > 1);
}

TEST_CASE("shared memory can be sized at launch, up to the least that every device has") {
  const Stream s;
  const Array<float> in(96), out(96);
  launch(iota, 1, 96, 0, s, in.get());
  launch(reverse_dynamic, 1, 96, 96 * sizeof(float), s, in.get(), out.get());
  const auto got = out.read(s), given = in.read(s);
  for (size_t i = 0; i < 96; i++) CHECK(got[i] == given[95 - i]);
  CHECK(fault([&] {
          launch(reverse_dynamic, 1, 96, 49 << 10, s, in.get(), out.get());
          cudaStreamSynchronize(s);
        }) == "more than 48 KiB of shared memory in a block");
}

TEST_CASE("sums by atomics depend on the order of blocks") {
  const Stream s;
  const Array<float> in(1024), sum(1);
  CHECK(results([&] {
          numbers(8, s, in);
          cudaMemsetAsync(sum.get(), 0, sizeof(float), s);
          launch(add_up, 8, 128, 0, s, in.get(), sum.get());
          return sum.read(s);
        }) > 1);
}

TEST_CASE("barriers that not all threads of a block meet at are found") {
  const Stream s;
  const Array<float> out(128);
  for (const auto kernel : {half_at_the_barrier, two_barriers, lane_is_missing}) {
    const std::string message = fault([&] {
      launch(kernel, 1, 128, 0, s, out.get());
      cudaStreamSynchronize(s);
    });
    CHECK(message.find("divergent: thread") == 0);
    CHECK(message.find("emulation_test.cpp:") != std::string::npos);
  }
  CHECK(fault([&] {
          launch(reads_outside_the_mask, 1, 32, 0, s, out.get());
          cudaStreamSynchronize(s);
        }) == "a shuffle reads a lane that does not take part");
  launch(iota, 1, 128, 0, s, out.get());  // and then all is well again
  CHECK(out.read(s)[1] == 0.25f);
}

TEST_CASE("lanes of a warp do not run in step") {
  const Stream s;
  const Array<float> out(32);
  const auto exchange = [&](auto kernel) {
    return results([&, kernel] {
      launch(kernel, 1, 32, 0, s, out.get());
      return out.read(s);
    });
  };
  CHECK(exchange(neighbour<true>) == 1);
  CHECK(exchange(neighbour<false>) > 1);
}

TEST_CASE("shuffles, votes and matches follow the programming guide") {
  const Stream s;
  const Array<float> out(64 * 8);
  launch(warp_operations, 1, 64, 0, s, out.get());
  const auto got = out.read(s);
  for (size_t t = 0; t < 64; t++) {
    const size_t lane = t % 32;
    CAPTURE(t);
    CHECK(got[t * 8] == (t < 32 ? 496 : 496 + 1024));
    CHECK(got[t * 8 + 1] == 496);
    CHECK(got[t * 8 + 2] == static_cast<float>(lane == 0 ? 0 : lane - 1));
    CHECK(got[t * 8 + 3] == static_cast<float>(lane % 8 < 5 ? lane + 3 : lane));
    CHECK(got[t * 8 + 4] == 11);
    CHECK(got[t * 8 + 5] == (lane < 30 ? 5 : 2));
    CHECK(got[t * 8 + 6] == 1);
    CHECK(got[t * 8 + 7] == 1);
  }
}

TEST_CASE("memory that nobody wrote is NaN; work waits until the host synchronises") {
  const Stream s;
  const Array<float> out(128);
  CHECK(std::isnan(out.read(s)[5]));
  std::vector<float> early(128, 7);
  launch(iota, 1, 128, 0, s, out.get());
  cudaMemcpyAsync(early.data(), out.get(), 512, cudaMemcpyDeviceToHost, s);
  CHECK(early[0] == 7);
  cudaStreamSynchronize(s);
  CHECK(early[0] == 1.0f / 3);
}

TEST_CASE("streams overtake each other unless an event holds them") {
  const Stream a, b;
  const Array<float> x(128), y(128);
  const auto chain = [&](bool wait) {
    return results([&] {
      cudaMemsetAsync(x.get(), 0, 512, a);
      cudaDeviceSynchronize();
      cudaEvent_t made;
      cudaEventCreateWithFlags(&made, cudaEventDisableTiming);
      launch(iota, 1, 128, 0, a, x.get());
      cudaEventRecord(made, a);
      if (wait) cudaStreamWaitEvent(b, made);
      launch(reverse<true>, 1, 128, 0, b, x.get(), y.get());
      cudaStreamSynchronize(b);
      cudaEventSynchronize(made);
      CHECK(cudaEventQuery(made) == cudaSuccess);
      cudaEventDestroy(made);
      return y.read(b);
    });
  };
  CHECK(chain(true) == 1);
  CHECK(chain(false) > 1);
}

TEST_CASE("device memory runs out, and comes back") {
  emulation::set_device_memory(1 << 20);
  void *p = nullptr, *q = nullptr;
  CHECK(cudaMalloc(&p, 600 << 10) == cudaSuccess);
  CHECK(cudaMalloc(&q, 600 << 10) == cudaErrorMemoryAllocation);
  cudaFree(p);
  CHECK(cudaMalloc(&q, 600 << 10) == cudaSuccess);
  cudaFree(q);
  emulation::set_device_memory(size_t{1} << 30);
}

TEST_CASE("a pool keeps memory until it is trimmed or goes, and waits for what is on its way back") {
  emulation::set_device_memory(1 << 20);
  const Stream s;
  const cudaMemPoolProps properties{cudaMemAllocationTypePinned, {cudaMemLocationTypeDevice, 0}};
  cudaMemPool_t pool = nullptr;
  REQUIRE(cudaMemPoolCreate(&pool, &properties) == cudaSuccess);
  uint64_t kept = UINT64_MAX;
  cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept);
  const auto free = [] {
    size_t bytes = 0, total = 0;
    cudaMemGetInfo(&bytes, &total);
    return bytes;
  };
  const uint64_t before = emulation::reservations();
  for (int k = 0; k < 3; k++) {
    void *p = nullptr, *q = nullptr;
    CHECK(cudaMallocFromPoolAsync(&p, 600 << 10, pool, s) == cudaSuccess);
    CHECK(cudaMallocFromPoolAsync(&q, 600 << 10, pool, s) == cudaErrorMemoryAllocation);
    CHECK(cudaFreeAsync(p, s) == cudaSuccess);
  }
  CHECK(emulation::reservations() == before + 1);
  cudaStreamSynchronize(s);
  CHECK(free() == (1 << 20) - (600 << 10));
  cudaMemPoolTrimTo(pool, 0);
  CHECK(free() == 1 << 20);
  void* p = nullptr;
  cudaMallocFromPoolAsync(&p, 1000, pool, s);
  CHECK_THROWS_AS(cudaMemPoolDestroy(pool), emulation::Fault);
  cudaFreeAsync(p, s);
  CHECK_THROWS_AS((cudaFreeAsync(p, s), cudaStreamSynchronize(s)), emulation::Fault);
  cudaMemPoolDestroy(pool);
  CHECK(free() == 1 << 20);
  emulation::set_device_memory(size_t{1} << 30);
}

TEST_CASE("memory of a pool is not there before its stream has come to it, nor what it was before") {
  const Stream a;
  const cudaMemPoolProps properties{cudaMemAllocationTypePinned, {cudaMemLocationTypeDevice, 0}};
  cudaMemPool_t pool = nullptr;
  REQUIRE(cudaMemPoolCreate(&pool, &properties) == cudaSuccess);
  void* p = nullptr;
  cudaMallocFromPoolAsync(&p, 512, pool, a);
  std::vector<float> got(128, 1.0f);
  cudaMemcpyAsync(got.data(), p, 512, cudaMemcpyDeviceToHost, a);
  cudaStreamSynchronize(a);
  for (const float g : got) CHECK(std::isnan(g));
  cudaFreeAsync(p, a);
  cudaStreamSynchronize(a);
  cudaMemPoolDestroy(pool);
}

TEST_CASE("copies say which end is on the device, and fit") {
  const Stream s;
  const Array<float> out(16);
  std::vector<float> host(17);
  CHECK(!fault([&] { cudaMemcpyAsync(host.data(), out.get(), 64, cudaMemcpyHostToDevice, s); }).empty());
  CHECK(!fault([&] { cudaMemcpyAsync(host.data(), out.get(), 68, cudaMemcpyDeviceToHost, s); }).empty());
}

TEST_CASE("host threads share the device") {
  std::vector<std::thread> threads;
  std::vector<float> got(4);
  for (size_t k = 0; k < got.size(); k++)
    threads.emplace_back([&got, k] {
      const Stream s;
      const Array<float> in(512), out(512);
      for (int i = 0; i < 10; i++) launch(iota, 4, 128, 0, s, in.get());
      launch(reverse<true>, 4, 128, 0, s, in.get(), out.get());
      got[k] = out.read(s)[0];
    });
  for (auto& t : threads) t.join();
  for (const float g : got) CHECK(g == 1.0f / 130);
}
