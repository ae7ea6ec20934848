// Times of the kernels of native/cuda beside what the same card reaches in copies and in fused multiply-adds,
// of whole trainings beside the CPU's, and of trainings side by side. Built and run by bench/cuda.sh where
// there is a card.
//
//   cuda_bench [gaussians = 3900]   dns_decay u (GAUSSITU_DATA) or a synthetic field of that size
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string>
#include <thread>

#include "step.hpp"
#include "train.hpp"

using namespace gaussitu;
using namespace gaussitu::cuda;

namespace {

// Arithmetic instructions per pair computed (a fused multiply-add is one; as in bench/cuda-roofline.ts) and
// bytes per sample that a pass cannot avoid: forward reads value and weight, and y, z and x once per column,
// and writes e, r and -f / D; backward reads these.
constexpr double kForwardInstructions = 11, kBackwardInstructions = 31 + 75 / 8.0, kForwardBytes = 21,
                 kBackwardBytes = 12;

__global__ void copy(const float4* from, float4* to, size_t n) {
  for (size_t k = blockIdx.x * size_t{blockDim.x} + threadIdx.x; k < n; k += size_t{gridDim.x} * blockDim.x)
    to[k] = from[k];
}

__global__ void multiply_add(float* out, int rounds) {
  float x[8];
  for (int k = 0; k < 8; k++) x[k] = static_cast<float>(threadIdx.x + k);
  for (int i = 0; i < rounds; i++)
#pragma unroll
    for (int k = 0; k < 8; k++) x[k] = fmaf(x[k], 0.999f, 0.001f);
  float sum = 0;
  for (int k = 0; k < 8; k++) sum += x[k];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

/// Milliseconds on the device, the best of several runs.
double milliseconds(Stream& stream, const std::function<void()>& body) {
  cudaEvent_t from, to;
  check(cudaEventCreate(&from), "making an event");
  check(cudaEventCreate(&to), "making an event");
  double best = 1e30;
  for (int run = 0; run < 12; run++) {
    check(cudaEventRecord(from, stream), "recording an event");
    body();
    check(cudaEventRecord(to, stream), "recording an event");
    check(cudaEventSynchronize(to), "waiting for the device");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, from, to), "reading a time");
    if (run > 1) best = std::min(best, static_cast<double>(ms));
  }
  cudaEventDestroy(from);
  cudaEventDestroy(to);
  return best;
}

double seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Ceilings {
  double bandwidth, instructions;  // bytes and instructions per second
};

Ceilings ceilings(Memory& memory, Stream& stream, int multiprocessors) {
  constexpr size_t n = size_t{1} << 24;  // float4: 256 MiB
  DeviceArray<float4> from(memory), to(memory);
  from.resize(n);
  to.resize(n);
  const double copying = milliseconds(
      stream, [&] { launch(copy, 32 * multiprocessors, 256, 0, stream, from.data(), to.data(), n); });
  constexpr int rounds = 4096;
  const unsigned blocks = 64 * static_cast<unsigned>(multiprocessors);
  const double adding = milliseconds(stream, [&] {
    launch(multiply_add, blocks, 256, 0, stream, reinterpret_cast<float*>(to.data()), rounds);
  });
  return {2.0 * n * sizeof(float4) / (copying * 1e-3), 8.0 * rounds * blocks * 256 / (adding * 1e-3)};
}

std::vector<float> field() {
  constexpr size_t n = 128 * 128 * 64;
  std::vector<float> values(n);
  if (const char* folder = std::getenv("GAUSSITU_DATA")) {
    if (std::FILE* f = std::fopen((std::string(folder) + "/dns_decay/u_003.f32").c_str(), "rb")) {
      const bool whole = std::fread(values.data(), sizeof(float), n, f) == n;
      std::fclose(f);
      if (whole) return values;
    }
  }
  std::printf("A synthetic field: dns_decay is not at hand (GAUSSITU_DATA).\n\n");
  for (size_t i = 0; i < n; i++)
    values[i] =
        std::sin(0.11f * (i % 128)) + std::cos(0.07f * (i / 128 % 128)) * std::sin(0.13f * (i / 16384));
  return values;
}

void row(const char* name, double ms, double pairs, double instructions, double bytes, const Ceilings& c) {
  const double floor = std::max(pairs * instructions / c.instructions, bytes / c.bandwidth) * 1e3;
  std::printf("| %-16s | %8.3f | %8.1f | %8.0f | %8.0f | %5.0f %% |\n", name, ms, pairs / ms * 1e-6,
              pairs * instructions / ms * 1e-6, bytes / ms * 1e-6, 100 * floor / ms);
}

void kernels(const SampleSet& samples, const Model& model, Supplies& supplies, const Ceilings& c) {
  Workspace w(samples, supplies, SIZE_MAX);
  w.load(model);
  w.forward(true);
  w.moments.resize(model.count() * kMomentStride);
  w.f.resize(w.samples.padded());
  w.cover.resize(w.samples.padded());
  const ModelView m = w.model.view();
  const auto counts = w.pairs.download(w.stream);
  const double pairs = std::accumulate(counts.begin(), counts.end(), 0.0),
               n = static_cast<double>(samples.x.size());
  std::printf("%zu samples, %zu Gaussians, %.1f M pairs computed.\n\n", samples.x.size(), model.count(),
              pairs * 1e-6);
  std::printf(
      "| kernel           | ms       | G pairs/s | G instr/s | GB/s    | of bound |\n| --- | --- | --- | --- "
      "| --- | --- |\n");
  row("lists", milliseconds(w.stream, [&] { w.reach.find(m, w.samples, w.stream); }), 0, 0, 0, c);
  row("compare",
      milliseconds(w.stream,
                   [&] {
                     compare(m, w.samples, w.reach.gaussians(), w.start,
                             {w.e.data(), w.r.data(), w.fr.data(), w.squares.data(), w.pairs.data()},
                             w.stream);
                   }),
      pairs, kForwardInstructions, kForwardBytes * n, c);
  row("moments",
      milliseconds(w.stream,
                   [&] {
                     moments(m, w.samples, w.reach.tiles(), w.residual(), true, 0, 1, m.count,
                             w.moments.data(), w.stream);
                   }),
      pairs, kBackwardInstructions, kBackwardBytes * n, c);
  row("evaluate",
      milliseconds(w.stream,
                   [&] {
                     evaluate(m, w.samples, w.reach.gaussians(), w.start, w.f.data(), w.cover.data(),
                              w.stream);
                   }),
      pairs, kForwardInstructions + 1, 13 * n, c);
  w.solver.resize(model.count(), w.samples.padded());
  w.solver.begin(w.stream);
  row("values, 1 step",
      milliseconds(w.stream,
                   [&] { w.solver.iterate(m, w.samples, w.reach, w.e.data(), w.r.data(), w.stream); }),
      2 * pairs, kForwardInstructions, 56 * n, c);
}

}  // namespace

int main(int argc, char** argv) {
  const size_t gaussians = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 3900;
  cudaDeviceProp card{};
  check(cudaGetDeviceProperties(&card, 0), "the properties of card 0");
  Supplies supplies(0, true);
  Memory memory;
  Ceilings c;
  {
    Stream stream;
    c = ceilings(memory, stream, card.multiProcessorCount);
  }
  std::printf("%s, sm_%d%d: copies %.0f GB/s, fused multiply-adds %.0f G/s (measured)\n\n", card.name,
              card.major, card.minor, c.bandwidth * 1e-9, c.instructions * 1e-9);
  const auto values = field();
  MeshView mesh;
  mesh.dims = {128, 128, 64};
  const SampleSet samples =
      make_samples(mesh, Association::node, {values.data(), Dtype::f32, values.size(), 1});
  const Model begin = initialise(samples, gaussians);
  TrainSettings settings;
  settings.iterations = 60;
  Model trained = begin, cpu = begin;
  kernels(samples, begin, supplies, c);

  // The columns of the published table (Dyken et al.): compression by its 48 bytes per Gaussian.
  std::printf(
      "\n| compression | Gaussians | seconds, 60 iterations | PSNR dB |\n| --- | --- | --- | --- |\n");
  for (const size_t ratio : {5, 10, 20, 40, 80, 160}) {
    Model m = initialise(samples, 4 * values.size() / (48 * ratio));
    Workspace w(samples, supplies, SIZE_MAX);
    TrainResult r;
    const double s = seconds([&] { r = DeviceTrainer(w).train(m, settings, {}); });
    std::printf("| %zu | %zu | %.3f | %.2f |\n", ratio, m.count(), s, r.psnr);
  }
  const double on_cpu = train(cpu, samples, settings, {}).psnr;
  Workspace w(samples, supplies, SIZE_MAX);
  const double on_card = DeviceTrainer(w).train(trained, settings, {}).psnr;
  std::printf("\nCPU %.4f dB, card %.4f dB: %s\n", on_cpu, on_card,
              std::fabs(on_cpu - on_card) < 0.05 ? "agree" : "DIFFER");

  std::printf("\n| streams | trainings/s |\n| --- | --- |\n");
  for (const int streams : {1, 2, 4, 8}) {
    const double s = seconds([&] {
      std::vector<std::thread> threads;
      for (int k = 0; k < streams; k++)
        threads.emplace_back([&] {
          Workspace own(samples, supplies, SIZE_MAX);
          Model m = begin;
          DeviceTrainer(own).train(m, settings, {});
        });
      for (auto& t : threads) t.join();
    });
    std::printf("| %d | %.2f |\n", streams, streams / s);
  }
  return std::fabs(on_cpu - on_card) < 0.05 ? 0 : 1;
}
