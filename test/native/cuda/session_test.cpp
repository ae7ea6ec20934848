// Whole operations on an emulated card against the CPU.
#include "session.hpp"

#include <numeric>
#include <thread>

#include "cases.hpp"
#include "device/device.hpp"
#include "seeds.hpp"
#include "step.hpp"
#include "train.hpp"
#include "train/pass.hpp"

using namespace gaussitu;
using namespace gaussitu::cuda;

namespace {

constexpr size_t kPlenty = size_t{1} << 28;

TrainSettings iterations(int n, Optimiser optimiser = Optimiser::levenberg_marquardt) {
  TrainSettings t;
  t.iterations = n;
  t.optimiser = optimiser;
  return t;
}

std::vector<float> flatten(const Model& m) {
  std::vector<float> out(m.v);
  for (const auto& v : m.mu) out.insert(out.end(), v.begin(), v.end());
  for (const auto& v : m.a) out.insert(out.end(), v.begin(), v.end());
  return out;
}

double psnr(const Model& m, const SampleSet& s) {
  std::vector<float> f(s.x.size());
  cpu_device().open(s, Purpose::evaluation)->evaluate(m, f.data());
  double squared = 0;
  for (size_t k = 0; k < f.size(); k++)
    if (s.weight[k] == 1) squared += std::pow(double{f[k]} - s.value[k], 2);
  return -10 * std::log10(squared / static_cast<double>(s.measured));
}

/// A session on a card of its own.
struct Example {
  explicit Example(const SampleSet& samples, size_t memory = kPlenty)
      : card(0, memory), session(card.open(samples, Purpose::training)) {}
  Card card;
  std::unique_ptr<Session> session;
};

struct Run {
  SampleSet samples;
  size_t gaussians;
  int iterations;
  Optimiser optimiser = Optimiser::levenberg_marquardt;
};

}  // namespace

TEST_CASE("a whole training is within 0.05 dB of the CPU's, and the same bytes in every order of execution") {
  std::vector<Run> runs{{cases::mixed(cases::scattered(900)), 25, 12}};
  if (cases::kThorough) {
    runs.push_back({cases::grid(24, 20, 12), 60, 20});
    runs.push_back({cases::scattered(1200), 40, 15});
    runs.push_back({cases::grid(24, 20, 12), 40, 12, Optimiser::adam});
  }
  for (const Run& run : runs) {
    const SampleSet& s = run.samples;
    CAPTURE(s.x.size());
    const Model begin = initialise(s, run.gaussians);
    Model expected = begin, m;
    const double cpu = train(expected, s, iterations(run.iterations, run.optimiser), {}).psnr;
    TrainResult result;
    same_under_all_seeds(
        [&] {
          m = begin;
          result = Example(s).session->train(m, iterations(run.iterations, run.optimiser), {});
          return flatten(m);
        },
        2);
    MESSAGE("CPU ", cpu, " dB, CUDA ", result.psnr, " dB");
    CHECK(std::fabs(result.psnr - cpu) < 0.05);
    CHECK(result.psnr == doctest::Approx(psnr(m, s)).epsilon(1e-5));
    CHECK(result.psnr > psnr(begin, s) + 2);
    CHECK(result.iterations == run.iterations);
    CHECK(result.pair_evaluations > 0);
  }
}

TEST_CASE("a model that grows while it is trained gets the Gaussians that the CPU would add") {
  for (const SampleSet& s : {cases::grid(20, 17, 9), cases::scattered(700)}) {
    const Model begin = initialise(s, 30);
    // The first round comes before the first step: then both have seen the same residuals.
    TrainSettings settings = iterations(0);
    settings.grow_to = 45;
    Model grown = begin;
    Pass pass(s);
    pass.forward(grown);
    resize_model(grown, s, 45);
    Supplies supplies(0, true);
    Workspace w(s, supplies, SIZE_MAX);
    w.load(begin);
    w.forward(true);
    Densifier densifier(s, w.memory);
    Model m = begin;
    CHECK(densifier.add(m, 15, w.model.view(), w.samples, w.reach, w.e.data(), w.stream) == 15);
    CHECK(flatten(m) == flatten(grown));

    settings.iterations = 8;
    Model expected = begin;
    const double cpu = train(expected, s, settings, {}).psnr;
    m = begin;
    const TrainResult r = Example(s).session->train(m, settings, {});
    CHECK(m.count() == 45);
    CHECK(std::fabs(r.psnr - cpu) < 0.05);
  }
}

TEST_CASE("lists that grow too long in mid-training are found again, and nothing else changes") {
  const SampleSet s = cases::grid(20, 17, 20);
  Model begin = initialise(s, 60);
  for (auto& a : begin.a)
    for (float& x : a) x *= 1.5f;  // narrow: their lists will grow
  Model expected = begin, m = begin;
  const double cpu = train(expected, s, iterations(8), {}).psnr;
  Supplies supplies(0, true);
  Workspace w(s, supplies, SIZE_MAX);
  w.load(begin);
  w.reach.find_all(w.model.view(), w.samples, w.stream);
  uint32_t pairs = 0;
  w.stream.download(&pairs, w.reach.wanted(), sizeof pairs);
  w.reach.reserve(pairs);  // just what the first model needs
  std::vector<int> seen;
  Control control;
  control.on_progress = [&](const Progress& p) { seen.push_back(p.iteration); };
  const TrainResult r = DeviceTrainer(w).train(m, iterations(8), control);
  CHECK(w.reach.capacity() > pairs);
  CHECK(std::fabs(r.psnr - cpu) < 0.05);
  CHECK(seen == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  Model roomy = begin;
  DeviceTrainer(w).train(roomy, iterations(8), {});  // now that there is room from the start
  CHECK(flatten(roomy) == flatten(m));
}

TEST_CASE("stopping rules: nothing to do, a target, a time, a cancel; progress comes in order") {
  const SampleSet s = cases::grid(24, 20, 12);
  const Model start = initialise(s, 40);
  Example x(s);
  Model m = start;
  CHECK(x.session->train(m, iterations(0), {}).iterations == 0);
  CHECK(flatten(m) == flatten(start));

  TrainSettings target = iterations(200);
  target.target_psnr = 25;
  const TrainResult r = x.session->train(m, target, {});
  Model expected = start;
  CHECK(r.psnr >= 25);
  CHECK(r.iterations == train(expected, s, target, {}).iterations);
  CHECK(psnr(m, s) == doctest::Approx(r.psnr).epsilon(1e-5));

  TrainSettings timed = iterations(1000000);
  timed.seconds = 0.05;
  m = start;
  const TrainResult t = x.session->train(m, timed, {});
  CHECK(t.iterations < 1000000);
  CHECK(t.psnr >= psnr(start, s) - 1e-6);

  std::atomic<bool> cancel{false};
  Control control;
  control.cancel = &cancel;
  int last = -1;
  control.on_progress = [&](const Progress& p) {
    CHECK(p.iteration == last + 1);
    CHECK(p.gaussians == 40);
    last = p.iteration;
    cancel = p.iteration == 3;
  };
  m = start;
  try {
    x.session->train(m, iterations(50), control);
    FAIL("expected Error(cancelled)");
  } catch (const Error& e) {
    CHECK(e.code == Code::cancelled);
  }
  CHECK(last < 8);
  CHECK(x.session->train(m, iterations(2), {}).iterations == 2);  // and the session goes on
}

TEST_CASE("values solved for alone are the CPU's to rounding") {
  for (const SampleSet& s : {cases::grid(24, 20, 12), cases::mixed(cases::scattered(900))}) {
    Model begin = initialise(s, 40);
    for (float& v : begin.v) v = 0.5f;
    Model expected = begin;
    solve_values(expected, s, 5, {});
    Model m;
    same_under_all_seeds(
        [&] {
          m = begin;
          Example(s).session->solve_values(m, 5, {});
          return flatten(m);
        },
        2);
    for (size_t i = 0; i < m.count(); i++) CHECK(std::fabs(m.v[i] - expected.v[i]) < 1e-4);
    CHECK(std::fabs(psnr(m, s) - psnr(expected, s)) < 1e-3);
    CHECK(psnr(m, s) > psnr(begin, s) + 5);
  }
}

TEST_CASE("a session evaluates, linearises and measures as the CPU does, call after call") {
  const SampleSet s = cases::mixed(cases::grid(20, 17, 9));
  Example x(s);
  const auto cpu = cpu_device().open(s, Purpose::training);
  CHECK(x.session->device() == "cuda:0");
  for (const size_t count : {size_t{12}, size_t{40}}) {
    const Model m = initialise(s, count);
    std::vector<float> f(s.x.size()), cover(f.size()), g(f.size()), other(f.size());
    x.session->evaluate(m, f.data(), cover.data());
    cpu->evaluate(m, g.data(), other.data());
    CHECK(std::memcmp(f.data(), g.data(), f.size() * 4) == 0);
    CHECK(std::memcmp(cover.data(), other.data(), f.size() * 4) == 0);
    x.session->evaluate(m, g.data(), nullptr);
    CHECK(std::memcmp(f.data(), g.data(), f.size() * 4) == 0);
    CHECK(x.session->residuals(m) == cpu->residuals(m));
    std::vector<Moments> a, b;
    const double squared = cpu->linearise(m, 1, 3, b);
    CHECK(x.session->linearise(m, 1, 3, a) == doctest::Approx(squared).epsilon(1e-6));
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); i++) CHECK(a[i].phi2 == doctest::Approx(b[i].phi2).epsilon(1e-5));
    CHECK(x.session->linearise(m, count, 3, a) == doctest::Approx(squared).epsilon(1e-6));
    CHECK(a.empty());
    const auto costs = x.session->costs(m), wanted = cpu->costs(m);
    for (size_t i = 0; i < count; i++) CHECK(costs[i] == doctest::Approx(wanted[i]).epsilon(1e-4));
  }
}

TEST_CASE("sessions of several threads run side by side") {
  const SampleSet s = cases::grid(20, 12, 8);
  const Model begin = initialise(s, 20);
  Model expected = begin;
  Example(s).session->train(expected, iterations(6), {});
  Card card(0, kPlenty);
  std::vector<Model> models(3, begin);
  std::vector<std::thread> threads;
  for (Model& m : models)
    threads.emplace_back([&] { card.open(s, Purpose::training)->train(m, iterations(6), {}); });
  for (auto& t : threads) t.join();
  for (const Model& m : models) CHECK(flatten(m) == flatten(expected));
}

TEST_CASE("a session finds the memory, the stream and the staging of the one before") {
  const SampleSet s = cases::grid(20, 12, 8);
  const Model begin = initialise(s, 20);
  const auto trained = [&](Card& card) {
    Model m = begin;
    card.open(s, Purpose::training)->train(m, iterations(6), {});
    return flatten(m);
  };
  const auto free = [] {
    size_t bytes = 0, total = 0;
    cudaMemGetInfo(&bytes, &total);
    return bytes;
  };
  const size_t at_first = free();
  std::vector<float> expected;
  {
    Card card(0, kPlenty);
    expected = trained(card);
    CHECK(free() < at_first);  // kept: this much of the card was said to be ours
    const uint64_t before = emulation::reservations();
    CHECK(trained(card) == expected);
    CHECK(emulation::reservations() == before);
  }
  CHECK(free() == at_first);
  {
    Card shared(0, 0);  // with whoever else uses the card
    CHECK(trained(shared) == expected);
    CHECK(free() == at_first);
  }
  emulation::set_memory_pools(false);
  Card old(0, kPlenty);
  emulation::set_memory_pools(true);
  CHECK(trained(old) == expected);
  CHECK(free() == at_first);
}

TEST_CASE("samples that do not fit are refused; lists that do not fit say so, and the session goes on") {
  const SampleSet s = cases::grid(24, 20, 12);
  Card small(0, size_t{1} << 20);
  CHECK(small.open(s, Purpose::training) == nullptr);
  Supplies supplies(0, true);
  Workspace w(s, supplies, size_t{1} << 20);
  // 7,000 Gaussians that reach everywhere: some megabytes of lists
  const Model wide = fields::random_model(7000, s.domain, 50);
  w.load(wide);
  try {
    w.forward(true);
    FAIL("expected Error(no_memory)");
  } catch (const Error& e) {
    CHECK(e.code == Code::no_memory);
  }
  const Model m = initialise(s, 40);
  w.load(m);
  w.forward(true);
  Pass pass(s);
  CHECK(w.squared() == doctest::Approx(pass.forward(m)).epsilon(1e-6));
}

TEST_CASE("degenerate fields are left alone, or trained, without harm") {
  const auto run = [](const MeshView& mesh, const std::vector<float>& values, size_t count) {
    const SampleSet s = make_samples(mesh, Association::node, fields::view(values));
    Model m = initialise(s, count);
    Example x(s);
    const TrainResult r = x.session->train(m, iterations(3), {});
    CHECK(!std::isnan(r.psnr));
    x.session->solve_values(m, 2, {});
    for (const float p : flatten(m)) CHECK(std::isfinite(p));
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  run(fields::grid(1, 1, 1), {7}, 5);
  run(fields::grid(2, 1, 1), {7, 8}, 5);
  run(fields::grid(8, 8, 8), std::vector<float>(512, 3.5f), 10);
  run(fields::grid(8, 8, 8), std::vector<float>(512, nan), 10);
  run(fields::grid(400, 1, 1), fields::wave_on_grid(400, 1, 1), 10);
}
