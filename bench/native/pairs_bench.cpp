// Gaussian-sample pair evaluations per second, forward and backward, beside the fused multiply-adds per
// second that the same threads reach in registers, measured in the same run; 1 and 2 threads; every
// instruction set.
//
//   pairs_bench [gaussians = 3900] [--scalar]   dns_decay u (GAUSSITU_DATA) or a synthetic field of that size
//
// The scalar variant is the fallback of processors without AVX2 and a hundred times slower: measured on
// demand.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "peak.hpp"
#include "train/pass.hpp"
#include "train/train.hpp"

using namespace gaussitu;

namespace {

// Vector arithmetic instructions per sixteen pairs (model/pair.hpp, train/moments.isa.cpp), rows tiles; the
// unit in which a kernel is compared with the peak, which also issues one of them per sixteen lanes.
constexpr double kForward = 8, kBackward = 27;

// The best of several runs: the machine may have other things to do.
double best_seconds(int runs, const std::function<void()>& body) {
  double best = 1e30;
  for (int i = 0; i < runs; i++) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

std::vector<float> field() {
  std::vector<float> v;
  if (const char* data = std::getenv("GAUSSITU_DATA")) {
    if (std::FILE* f = std::fopen((std::string(data) + "/dns_decay/u_003.f32").c_str(), "rb")) {
      v.resize(128 * 128 * 64);
      if (std::fread(v.data(), 4, v.size(), f) != v.size()) v.clear();
      std::fclose(f);
    }
  }
  if (!v.empty()) {
    std::printf("dns_decay u step 3, 128 x 128 x 64");
    return v;
  }
  std::printf("synthetic field, 128 x 128 x 64 (GAUSSITU_DATA is not set)");
  for (int k = 0; k < 64; k++)
    for (int j = 0; j < 128; j++)
      for (int i = 0; i < 128; i++)
        v.push_back(static_cast<float>(std::sin(0.1 * i + 0.05 * j) + std::cos(0.13 * j - 0.07 * k)));
  return v;
}

// Fused multiply-adds per second of all threads together.
double peak(unsigned threads) {
  constexpr uint64_t kRounds = 4'000'000;
  const uint64_t rounds = instruction_set() == InstructionSet::scalar ? kRounds / 64 : kRounds;
  std::vector<float> keep(threads);
  const double s = best_seconds(5, [&] {
    parallel_for(threads, [&](size_t i) { keep[i] = GAUSSITU_DISPATCH(multiply_add)(rounds); });
  });
  return 12.0 * 16 * static_cast<double>(rounds) * threads / s;
}

}  // namespace

int main(int argc, char** argv) {
  const auto values = field();
  const size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 3900;
  const bool scalar = argc > 2 && std::string(argv[2]) == "--scalar";
  MeshView mesh;
  mesh.dims = {128, 128, 64};
  const SampleSet samples =
      make_samples(mesh, Association::node, {values.data(), Dtype::f32, values.size(), 1});
  Model model = initialise(samples, count);
  TrainSettings settings;
  settings.iterations = 20;
  train(model, samples, settings, {});
  Pass pass(samples);
  pass.forward(model);
  const auto pairs = static_cast<double>(pass.pairs());
  std::printf(", %zu Gaussians, %.1f M pairs per pass\n\n", model.count(), pairs / 1e6);
  std::printf("%-8s %7s | %12s | %12s %8s | %12s %8s | %12s\n", "", "threads", "peak GFMA/s", "fwd Gpair/s",
              "of peak", "bwd Gpair/s", "of peak", "s/iteration");

  const struct {
    InstructionSet set;
    const char* name;
  } sets[] = {
      {InstructionSet::scalar, "scalar"}, {InstructionSet::avx2, "avx2"}, {InstructionSet::avx512, "avx512"}};
  for (const auto& set : sets) {
    if (!supports(set.set) || (set.set == InstructionSet::scalar && !scalar)) continue;
    set_instruction_set(set.name);
    double one[3] = {}, two[3] = {};
    for (const unsigned threads : {1u, 2u}) {
      set_thread_count(threads);
      const int runs = set.set == InstructionSet::scalar ? 1 : 15;
      const double fmas = peak(threads);
      const double forward = best_seconds(runs, [&] { pass.forward(model); });
      std::vector<Moments> moments(model.count());
      const double backward = best_seconds(runs, [&] {
        parallel_for(model.count(), [&](size_t i) { moments[i] = pass.backward(model, i, true); });
      });
      std::printf("%-8s %7u | %12.1f | %12.2f %7.0f%% | %12.2f %7.0f%% | %12.4f\n", set.name, threads,
                  fmas / 1e9, pairs / forward / 1e9, 100 * kForward * pairs / forward / fmas,
                  pairs / backward / 1e9, 100 * kBackward * pairs / backward / fmas, forward + backward);
      double* keep = threads == 1 ? one : two;
      keep[0] = fmas, keep[1] = 1 / forward, keep[2] = 1 / backward;
    }
    std::printf("%-8s %7s | %11.2fx | %11.2fx %8s | %11.2fx\n", "", "1 -> 2", two[0] / one[0],
                two[1] / one[1], "", two[2] / one[2]);
  }
  std::printf(
      "\nfwd includes finding which Gaussians reach which tiles. 'of peak' counts vector arithmetic "
      "instructions\n(8 forward, 27 backward per sixteen pairs) against fused multiply-adds in "
      "registers.\n");
  return 0;
}
