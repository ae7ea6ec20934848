// Gaussian-sample pair evaluations per second beside the fused multiply-adds per second that the same threads
// reach in registers, measured in turns: the field from its Gaussians (evaluate), the whole forward pass of
// training (also finds which tiles a Gaussian reaches, and compares with the values), and the backward pass
// (moments); 1 and 2 threads; every instruction set; on the grid, and on a quarter of its points as bare
// points.
//
//   pairs_bench [gaussians = 3900] [isa ...]   dns_decay u (GAUSSITU_DATA) or a synthetic field of that size
//
// A pair counts when the sample lies inside the Gaussian's support, d2 < 8; what the kernels compute beside
// that, the other lanes of a vector that is reached, counts for nothing. Times are those of the shortest of
// many passes of 1 to 25 ms, the peak's too: other work on the machine leaves some of them alone. Where
// threads wait for each other, that counts. The scalar variant is the fallback of processors
// without AVX2 and a hundred times slower: measured on demand.
#include <unistd.h>

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

// Vector arithmetic instructions per sixteen pairs (model/pair.hpp, train/moments.isa.cpp), the unit in which
// a kernel is compared with the peak, which also issues one of them per sixteen lanes. Points have their own
// monomials each: 31 products, 55 sums.
struct Needed {
  double forward, backward;
};
constexpr Needed kGrid{8, 27}, kPoints{18, 113};

// Processor seconds of the shortest of the passes that a tenth of a second has room for.
double seconds(unsigned threads, const std::function<void()>& pass) {
  using Clock = std::chrono::steady_clock;
  constexpr double kLong = 0.1;
  double least = 1e30, all = 0;
  while (all < kLong) {
    const auto start = Clock::now();
    pass();
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    least = std::min(least, took);
    all += took;
  }
  return least * threads;
}

// Pairs of a Gaussian and a sample with d2 < 8, in double.
double pairs_in_support(const Model& m, const SampleSet& s) {
  std::vector<double> count(m.count());
  const Reach reach = find_reach(m, TileTree(s));
  parallel_for(m.count(), [&](size_t i) {
    for (size_t t = 0; t < reach.tiles.size(i); t++) {
      const Tile& tile = s.tiles[reach.tiles.begin(i)[t]];
      for (size_t k = tile.begin; k < tile.begin + tile.count; k++) {
        const double dx = s.x[k] - m.mu[0][i], dy = s.y[k] - m.mu[1][i], dz = s.z[k] - m.mu[2][i];
        const double t0 = m.a[0][i] * dx + m.a[1][i] * dy + m.a[2][i] * dz,
                     t1 = m.a[3][i] * dy + m.a[4][i] * dz, t2 = m.a[5][i] * dz;
        count[i] += s.weight[k] > 0 && t0 * t0 + t1 * t1 + t2 * t2 < kSupport2;
      }
    }
  });
  double total = 0;
  for (const double c : count) total += c;
  return total;
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
    std::printf("dns_decay u step 3\n");
    return v;
  }
  std::printf("A synthetic field (GAUSSITU_DATA is not set)\n");
  for (int k = 0; k < 64; k++)
    for (int j = 0; j < 128; j++)
      for (int i = 0; i < 128; i++)
        v.push_back(static_cast<float>(std::sin(0.1 * i + 0.05 * j) + std::cos(0.13 * j - 0.07 * k)));
  return v;
}

// Multiply-adds in registers, so many per thread and round.
double multiply_adds(unsigned threads, uint64_t rounds) {
  std::vector<float> keep(threads);
  parallel_for(threads, [&](size_t i) { keep[i] = GAUSSITU_DISPATCH(multiply_add)(rounds); });
  return 12.0 * 16 * static_cast<double>(rounds) * threads;
}

// Processor seconds of one instruction set and number of threads, the least so far.
struct Least {
  std::string isa;
  unsigned threads;
  double fmas = 0;  // in the time of `peak`
  double peak = 1e30, evaluate = 1e30, forward = 1e30, backward = 1e30;
};

// The passes of a model trained on some samples.
class Passes {
 public:
  Passes(SampleSet samples, size_t count, const std::vector<std::string>& wanted, Needed needed)
      : samples_(std::move(samples)), model_(initialise(samples_, count)), pass_(samples_), needed_(needed) {
    TrainSettings settings;
    settings.iterations = 20;
    train(model_, samples_, settings, {});
    pass_.forward(model_);
    moments_.resize(model_.count());
    for (const auto& isa : wanted)
      if (supports(isa == "scalar"   ? InstructionSet::scalar
                   : isa == "avx512" ? InstructionSet::avx512
                                     : InstructionSet::avx2))
        for (const unsigned threads : {1u, 2u}) table_.push_back({isa, threads});
  }

  void measure() {
    for (Least& row : table_) {
      const bool scalar = row.isa == "scalar";
      if (scalar && row.fmas > 0) continue;
      set_instruction_set(row.isa);
      set_thread_count(row.threads);
      const auto least = [&](double& so_far, const std::function<void()>& of) {
        so_far = std::min(so_far, seconds(row.threads, of));
      };
      least(row.peak, [&] { row.fmas = multiply_adds(row.threads, scalar ? 15'000 : 1'000'000); });
      least(row.evaluate, [&] { pass_.apply_values(model_.v, f_); });
      least(row.forward, [&] { pass_.forward(model_); });
      least(row.backward,
            [&] { parallel_for(model_.count(), [&](size_t i) { moments_[i] = pass_.backward(i, true); }); });
    }
  }

  void print(const char* what) const {
    const double pairs = pairs_in_support(model_, samples_);
    std::printf("%s, %zu Gaussians, %.1f M pairs per pass (%.1f M lanes computed)\n\n", what, model_.count(),
                pairs / 1e6, static_cast<double>(pass_.pairs()) / 1e6);
    std::printf("%-8s %7s | %11s | %9s %7s | %9s %7s | %9s %7s | %11s\n", "Gpair/s", "threads", "peak GFMA/s",
                "evaluate", "of peak", "forward", "of peak", "backward", "of peak", "s/iteration");
    for (const Least& row : table_) {
      const auto rate = [&](double took) { return pairs / took / 1e9; };
      const auto share = [&](double instructions, double took) {
        return 100 * instructions * pairs / took * row.peak / row.fmas;
      };
      std::printf("%-8s %7u | %11.1f | %9.2f %6.0f%% | %9.2f %6.0f%% | %9.2f %6.0f%% | %11.4f\n",
                  row.isa.c_str(), row.threads, 1e-9 * row.fmas / row.peak, rate(row.evaluate),
                  share(needed_.forward, row.evaluate), rate(row.forward),
                  share(needed_.forward, row.forward), rate(row.backward),
                  share(needed_.backward, row.backward), row.forward + row.backward);
    }
    std::printf("\n");
  }

 private:
  SampleSet samples_;
  Model model_;
  Pass pass_;
  Needed needed_;
  std::vector<Least> table_;
  std::vector<Moments> moments_;
  std::vector<float> f_;
};

SampleSet on_grid(const std::vector<float>& values) {
  MeshView mesh;
  mesh.dims = {128, 128, 64};
  return make_samples(mesh, Association::node, {values.data(), Dtype::f32, values.size(), 1});
}

// A quarter of the grid's points, another one of four in each row, so that no lattice is left.
SampleSet at_points(const std::vector<float>& values) {
  std::vector<float> points, some;
  for (size_t k = 0; k < values.size(); k += 4) {
    const size_t at = k + (k / 128 * 7 + k / 4) % 4;
    for (const size_t x : {at % 128, at / 128 % 128, at / 128 / 128}) points.push_back(static_cast<float>(x));
    some.push_back(values[at]);
  }
  MeshView bare;
  bare.kind = MeshKind::points;
  bare.points = {points.data(), Dtype::f32, points.size(), 1};
  return make_samples(bare, Association::node, {some.data(), Dtype::f32, some.size(), 1});
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kRounds = 30;
  const auto values = field();
  const size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 3900;
  std::vector<std::string> wanted(argv + std::min(argc, 2), argv + argc);
  if (wanted.empty()) wanted = {"avx2", "avx512"};
  Passes grid(on_grid(values), count, wanted, kGrid), points(at_points(values), count / 4, wanted, kPoints);
  for (int round = 0; round < kRounds; round++) {
    if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\rround %d of %d", round + 1, kRounds);
    for (Passes* of : {&grid, &points}) of->measure();
  }
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r%20s\r", "");
  grid.print("128 x 128 x 64");
  points.print("A quarter of it as bare points");
  std::printf(
      R"(Per processor second, the shortest of the passes in %d rounds of a tenth of a second. A pair counts when the
sample is inside the Gaussian's support. Forward is evaluate, finding which Gaussians reach which tiles, and
comparing with the values. 'of peak' counts the vector arithmetic instructions that sixteen pairs need (%.0f
forward, %.0f backward on grids, %.0f and %.0f at points) against fused multiply-adds in registers.
)",
      kRounds, kGrid.forward, kGrid.backward, kPoints.forward, kPoints.backward);
  return 0;
}
