// Gray-Scott, coupled in situ: computes, and every few steps hands u and v (ghost layers and all) to a sink.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "output.hpp"
#include "ranks.hpp"
#include "settings.hpp"
#include "solver.hpp"

namespace {

volatile std::sig_atomic_t interrupted = 0;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Real>
int simulate(const Settings& settings, const Ranks& ranks) {
  Slab slab{{settings.grid[0], settings.grid[1], settings.grid[2]}, 0, 0};
  slab.z_begin = slab.n[2] * ranks.rank / ranks.count;
  slab.z_count = slab.n[2] * (ranks.rank + 1) / ranks.count - slab.z_begin;
  const Parameters parameters;
  Solver<Real> solver(slab, parameters);

  std::vector<std::unique_ptr<Sink<Real>>> sinks;
  if (settings.output == Output::gaussitu) sinks.push_back(make_gaussitu_sink<Real>(settings, ranks, slab));
  if (settings.output == Output::hdf5) sinks.push_back(make_hdf5_sink<Real>(settings, ranks, slab));
  if (!settings.raw.empty()) sinks.push_back(make_raw_sink<Real>(settings, slab));
  for (const auto& sink : sinks)
    if (!sink) return 1;

  const auto exchange = [&](std::vector<Real>& f) { ranks.exchange(slab, f); };
  const auto advance = [&](int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) {
      solver.fill_ghosts(exchange);
      solver.step();
    }
  };

  bool good = true;
  double solve_total = 0, put_total = 0;
  advance(settings.start);
  int64_t done = 0;
  for (int64_t step = 0; step < settings.steps; ++step) {
    // All ranks must stop at the same step: they meet in `max`.
    if (ranks.max(interrupted) > 0) break;
    const double begin = now();
    if (step > 0) advance(settings.every);
    solver.fill_ghosts(exchange);  // what is pushed has true ghosts
    const double solved = now();
    const double time = static_cast<double>(settings.start + step * settings.every) * parameters.dt;
    for (const auto& sink : sinks) good = sink->put(step, time, solver.u().data(), solver.v().data()) && good;
    const double solve = ranks.max(solved - begin), put = ranks.max(now() - solved);
    if (step > 0) solve_total += solve;
    put_total += put;
    ++done;
    if (ranks.rank == 0 && !settings.quiet) {
      std::printf("step %3lld  t = %g  solve %.4f s  output %.4f s\n", static_cast<long long>(step), time,
                  solve, put);
      std::fflush(stdout);
    }
  }
  const double begin = now();
  for (const auto& sink : sinks) good = sink->close() && good;
  const double close = ranks.max(now() - begin);
  if (ranks.rank == 0) {
    std::printf("mean per output step: solve %.4f s, output %.4f s; end %.2f s\n",
                solve_total / static_cast<double>(done > 1 ? done - 1 : 1),
                put_total / static_cast<double>(done > 0 ? done : 1), close);
    for (const auto& sink : sinks)
      if (!sink->summary().empty()) std::printf("%s\n", sink->summary().c_str());
  }
  return interrupted ? 130 : good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Ranks ranks(&argc, &argv);
  Settings settings;
  int exit_code = 0;
  if (!parse(argc, argv, settings, &exit_code)) return exit_code;
  if (settings.grid[2] < ranks.count || (!settings.raw.empty() && ranks.count > 1)) {
    std::fprintf(stderr, "gray-scott: expected at least one plane per rank, and one rank with --raw\n");
    return 2;
  }
  // The first Ctrl-C ends after this step, with everything sent; the second at once.
  for (const int number : {SIGINT, SIGTERM})
    std::signal(number, [](int received) {
      interrupted = 1;
      std::signal(received, SIG_DFL);
    });
  return settings.f64 ? simulate<double>(settings, ranks) : simulate<float>(settings, ranks);
}
