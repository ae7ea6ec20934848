// Built with the address sanitizer: what it must stop at, each tried in a process of its own.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "launch.hpp"

using gaussitu::cuda::launch;

namespace {

enum class Mistake {
  none,
  shared_write,
  shared_read,
  global_write,
  global_read,
  host_reads_device,
  too_late,
  pool_none,
  pool_write,
  pool_too_early,
  pool_given_back
};

__global__ void access(float* global, unsigned shared_at, unsigned global_at, bool write) {
  GAUSSITU_SHARED(float, first, 64);
  GAUSSITU_SHARED(float, second, 64);
  first[threadIdx.x] = second[threadIdx.x] = 1;
  __syncthreads();
  if (threadIdx.x != 0) return;
  float got = 0;
  if (write) {
    first[shared_at] = 2;
    global[global_at] = 3;
  } else {
    got = first[shared_at] + global[global_at];
  }
  global[0] = got;
}

// Of memory of a pool: out of bounds, by another stream before it is there, after it was given back.
void commit_in_pool(Mistake m) {
  cudaStream_t s, other;
  for (cudaStream_t* stream : {&s, &other}) cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking);
  const cudaMemPoolProps properties{cudaMemAllocationTypePinned, {cudaMemLocationTypeDevice, 0}};
  cudaMemPool_t pool = nullptr;
  cudaMemPoolCreate(&pool, &properties);
  float* global = nullptr;
  cudaMallocFromPoolAsync(reinterpret_cast<void**>(&global), 400, pool, s);
  if (m == Mistake::pool_given_back) cudaFreeAsync(global, s);
  const bool early = m == Mistake::pool_too_early;
  if (!early) cudaStreamSynchronize(m == Mistake::pool_given_back ? other : s);
  launch(access, 1, 64, 0, early ? other : s, global, 63u, m == Mistake::pool_write ? 100u : 99u, true);
  cudaStreamSynchronize(early ? other : s);
  if (m != Mistake::pool_given_back) cudaFreeAsync(global, s);
  cudaStreamSynchronize(s);
  cudaMemPoolDestroy(pool);
}

void commit(Mistake m) {
  cudaStream_t s;
  cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
  float* global = nullptr;
  cudaMalloc(reinterpret_cast<void**>(&global), 100 * sizeof(float));
  const bool shared = m == Mistake::shared_write || m == Mistake::shared_read;
  const bool outside = m == Mistake::global_write || m == Mistake::global_read;
  const bool write = m == Mistake::shared_write || m == Mistake::global_write;
  if (m == Mistake::too_late) {
    std::vector<float> source(100);
    cudaMemcpyAsync(global, source.data(), 400, cudaMemcpyHostToDevice, s);
    source = {};
  } else {
    cudaMemsetAsync(global, 0, 400, s);
    launch(access, 1, 64, 0, s, global, shared ? 64u : 63u, outside ? 100u : 99u, write);
  }
  cudaStreamSynchronize(s);
  volatile float seen = 0;
  if (m == Mistake::host_reads_device) seen = global[3];
  (void)seen;
  cudaFree(global);
  cudaStreamDestroy(s);
}

/// What the sanitizer calls it, empty when the process ended well.
std::string report_of(Mistake m) {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(pipes[1], 2);
    close(pipes[0]);
    for (uint64_t seed = 0; seed < 8; seed++) {  // which of two streams goes on first is drawn
      emulation::set_seed(seed);
      m >= Mistake::pool_none ? commit_in_pool(m) : commit(m);
    }
    _exit(0);
  }
  close(pipes[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(pipes[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  close(pipes[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  const size_t at = text.find("AddressSanitizer: ");
  return at == std::string::npos ? text : text.substr(at + 18, text.find(' ', at + 18) - at - 18);
}

}  // namespace

TEST_CASE("accesses out of bounds stop the program, and only they") {
  CHECK(report_of(Mistake::none) == "");
  CHECK(report_of(Mistake::shared_write) == "heap-buffer-overflow");
  CHECK(report_of(Mistake::shared_read) == "heap-buffer-overflow");
  CHECK(report_of(Mistake::global_write) == "heap-buffer-overflow");
  CHECK(report_of(Mistake::global_read) == "heap-buffer-overflow");
  CHECK(report_of(Mistake::host_reads_device) == "use-after-poison");
  CHECK(report_of(Mistake::too_late) == "heap-use-after-free");
  CHECK(report_of(Mistake::pool_none) == "");
  CHECK(report_of(Mistake::pool_write) == "heap-buffer-overflow");
  CHECK(report_of(Mistake::pool_too_early) == "use-after-poison");
  CHECK(report_of(Mistake::pool_given_back) == "heap-use-after-free");
}

TEST_CASE("a host array that is passed to a kernel is found") {
  cudaStream_t s;
  cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
  std::vector<float> host(100);
  CHECK_THROWS_AS(launch(access, 1, 64, 0, s, host.data(), 0u, 0u, true), emulation::Fault);
  cudaStreamDestroy(s);
}
