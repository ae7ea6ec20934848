// Random points per second: models of dns_decay u (GAUSSITU_DATA) or a synthetic field, 10^3 to 10^7 points,
// one and two threads. "once" includes building the model's index, "open" does not; neither decodes a
// payload.
//
//   query_bench [most points = 10000000]
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
#include "query/query.hpp"
#include "train/train.hpp"

using namespace gaussitu;

namespace {

double best_seconds(const std::function<void()>& body) {
  double best = 1e30;
  for (int i = 0; i < 5; i++) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

std::vector<float> field() {
  std::vector<float> v(128 * 128 * 64);
  if (const char* data = std::getenv("GAUSSITU_DATA")) {
    if (std::FILE* f = std::fopen((std::string(data) + "/dns_decay/u_003.f32").c_str(), "rb")) {
      const bool whole = std::fread(v.data(), 4, v.size(), f) == v.size();
      std::fclose(f);
      if (whole) return v;
    }
  }
  for (size_t i = 0; i < v.size(); i++) {
    const double x = static_cast<double>(i % 128), y = static_cast<double>(i / 128 % 128),
                 z = static_cast<double>(i / 16384);
    v[i] = static_cast<float>(std::sin(0.1 * x + 0.05 * y) + std::cos(0.13 * y - 0.07 * z));
  }
  return v;
}

std::vector<double> random_points(const Domain& domain, size_t n) {
  std::vector<double> p(3 * n);
  uint64_t state = 88172645463325252u;
  for (size_t i = 0; i < 3 * n; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    p[i] = static_cast<double>(state >> 11) / 9007199254740992.0 * domain.extent[i % 3];
  }
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t most = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000'000;
  const auto values = field();
  MeshView mesh;
  mesh.dims = {128, 128, 64};
  const SampleSet samples =
      make_samples(mesh, Association::node, {values.data(), Dtype::f32, values.size(), 1});
  std::printf("Random points in 128 x 128 x 64, %s. M points/s with 1 | 2 threads\n\n",
              instruction_set_name());
  std::printf("%9s %9s %10s | %15s | %15s | %15s\n", "Gaussians", "points", "index ms", "once", "open",
              "open, gradient");
  for (const size_t count : {1000, 3000, 10000, 30000}) {
    Model model = initialise(samples, count);
    TrainSettings settings;
    settings.iterations = 4;
    train(model, samples, settings, {});
    for (size_t n = 1000; n <= most; n *= 10) {
      const auto points = random_points(model.domain, n);
      MeshView bare;
      bare.kind = MeshKind::points;
      bare.points = {points.data(), Dtype::f64, points.size(), 1};
      const Places places = find_places(model.domain, bare, Association::node);
      double index = 0, rate[3][2];
      for (const unsigned threads : {1u, 2u}) {
        set_thread_count(threads);
        const auto per_second = [&](double seconds) { return static_cast<double>(n) / seconds / 1e6; };
        index = 1e3 * best_seconds([&] { const QueryModel q(model); });
        const QueryModel open(model);
        rate[0][threads - 1] = per_second(
            best_seconds([&] { query<float>(QueryModel(model, static_cast<double>(n)), places); }));
        rate[1][threads - 1] = per_second(best_seconds([&] { query<float>(open, places); }));
        rate[2][threads - 1] = per_second(best_seconds([&] { query<float>(open, places, true); }));
      }
      std::printf("%9zu %9zu %10.2f | %6.2f | %6.2f | %6.2f | %6.2f | %6.2f | %6.2f\n", count, n, index,
                  rate[0][0], rate[0][1], rate[1][0], rate[1][1], rate[2][0], rate[2][1]);
    }
  }
  return 0;
}
