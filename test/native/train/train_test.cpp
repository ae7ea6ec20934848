#include "train/train.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "everywhere.hpp"
#include "fields.hpp"
#include "model/evaluate.hpp"
#include "sample/eighths.hpp"
#include "train/optimiser.hpp"
#include "train/resize_model.hpp"
#include "train/schedule.hpp"

using namespace gaussitu;

namespace {

SampleSet wave_samples(uint32_t nx, uint32_t ny, uint32_t nz) {
  const auto values = fields::wave_on_grid(nx, ny, nz);
  return make_samples(fields::grid(nx, ny, nz), Association::node, fields::view(values));
}

SampleSet scattered_samples(size_t n, double lz = 8) {
  const auto points = fields::scatter(n, 12, 10, lz);
  const auto values = fields::wave_on_points(points);
  MeshView m;
  m.kind = MeshKind::points;
  m.points = fields::view(points);
  return make_samples(m, Association::node, fields::view(values));
}

double psnr(const Model& m, const SampleSet& s) {
  std::vector<float> f(s.x.size());
  evaluate(m, s, f.data());
  double squared = 0;
  for (size_t k = 0; k < f.size(); k++) squared += s.weight[k] * std::pow(double{f[k]} - s.value[k], 2);
  return -10 * std::log10(squared / static_cast<double>(s.finite));
}

std::vector<float> flatten(const Model& m) {
  std::vector<float> out(m.v);
  for (const auto& v : m.mu) out.insert(out.end(), v.begin(), v.end());
  for (const auto& v : m.a) out.insert(out.end(), v.begin(), v.end());
  return out;
}

TrainSettings iterations(int n, Optimiser optimiser = Optimiser::levenberg_marquardt) {
  TrainSettings t;
  t.iterations = n;
  t.optimiser = optimiser;
  return t;
}

bool sane(const Model& m, const SampleSet& s) {
  for (const float p : flatten(m))
    if (!std::isfinite(p)) return false;
  for (size_t i = 0; i < m.count(); i++)
    for (int k = 0; k < 3; k++)
      if (m.mu[k][i] < 0 || m.mu[k][i] > static_cast<float>(s.domain.extent[k]) ||
          !(m.a[k == 0 ? 0 : k + 2 + (k == 2)][i] > 0))
        return false;
  return true;
}

}  // namespace

TEST_CASE("Levenberg-Marquardt fits a smooth field on a grid, and says what it reached") {
  const SampleSet s = wave_samples(40, 33, 21);
  Model m = initialise(s, 150);
  CHECK(m.count() == 150);
  const double before = psnr(m, s);
  const TrainResult r = train(m, s, iterations(40), {});
  CHECK(r.iterations == 40);
  CHECK(r.psnr == doctest::Approx(psnr(m, s)).epsilon(1e-6));
  CHECK(r.psnr > before + 15);
  CHECK(r.psnr > 36);
  CHECK(r.pair_evaluations > 0);
  CHECK(sane(m, s));
}

TEST_CASE("Levenberg-Marquardt fits scattered points, in three and in two dimensions") {
  for (const double lz : {8.0, 0.0}) {
    const SampleSet s = scattered_samples(6000, lz);
    Model m = initialise(s, 120);
    const TrainResult r = train(m, s, iterations(40), {});
    CHECK(r.psnr > 38);
    CHECK(sane(m, s));
  }
}

TEST_CASE("Adam improves too, more slowly") {
  const SampleSet s = wave_samples(24, 20, 12);
  Model adam = initialise(s, 60), newton = adam;
  const double before = psnr(adam, s);
  const double reached = train(adam, s, iterations(30, Optimiser::adam), {}).psnr;
  CHECK(reached > before + 3);
  CHECK(train(newton, s, iterations(30), {}).psnr > reached);
}

TEST_CASE("a trained model is the same bits on every instruction set and thread count") {
  const SampleSet grid = wave_samples(20, 17, 9), scattered = scattered_samples(900);
  for (const SampleSet* s : {&grid, &scattered})
    for (const Optimiser o : {Optimiser::levenberg_marquardt, Optimiser::adam})
      check_same_bits_everywhere([&] {
        Model m = initialise(*s, 25);
        TrainSettings settings = iterations(6, o);
        settings.grow_to = 30;
        train(m, *s, settings, {});
        solve_values(m, *s, 3, {});
        fit_coverage(m, *s);
        auto out = flatten(m);
        out.push_back(m.coverage);
        return out;
      });
}

TEST_CASE("training on eighths reaches what training on the whole does, at the same bits everywhere") {
  const SampleSet s = wave_samples(41, 33, 22);
  const Model begin = initialise(s, 100);
  TrainSettings settings = iterations(30);
  settings.grow_to = 120;
  Model whole = begin, parts = begin;
  const double expected = train(whole, s, settings, {}).psnr;
  settings.eighths = OnEighths::cold;
  const TrainResult r = train(parts, s, settings, {});
  MESSAGE("whole ", expected, " dB, eighths ", r.psnr, " dB");
  CHECK(r.psnr > expected - 1.5);
  CHECK(r.psnr == doctest::Approx(psnr(parts, s)).epsilon(1e-6));
  CHECK(r.iterations == 30);
  CHECK(parts.count() == 120);
  CHECK(sane(parts, s));
  CHECK(parts.domain.extent == s.domain.extent);
  check_same_bits_everywhere([&] {
    Model m = begin;
    TrainSettings few = iterations(9);
    few.eighths = OnEighths::cold;
    train(m, s, few, {});
    return flatten(m);
  });
}

TEST_CASE(
    "a step with the curvature that was kept is that of the curvature anew, also from an eighth to the "
    "whole") {
  const SampleSet s = wave_samples(40, 32, 24);
  Model m = initialise(s, 60);
  train(m, s, iterations(10), {});
  constexpr double kTiny = 1e-4;  // the model stays where it is
  const auto moved = [&](Stepper& stepper, Pass& pass, Model& from) {
    const std::vector<float> before(from.v);
    pass.forward(from);
    stepper.step(from, pass, kTiny);
    std::vector<double> by;
    for (size_t i = 0; i < before.size(); i++) by.push_back(double{from.v[i]} - before[i]);
    return by;
  };
  const auto difference = [](const std::vector<double>& a, const std::vector<double>& b) {
    double off = 0, size = 0;
    for (size_t i = 0; i < a.size(); i++) off += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
    return std::sqrt(off / size);
  };
  constexpr int kNoMomentum = 1, kKept = 4;
  Pass whole(s);
  Eighths eighths(s);
  Pass part(eighths.samples());
  Stepper grid(Optimiser::levenberg_marquardt, kNoMomentum), both = grid;
  std::vector<double> anew;
  Model a = m, b = m;
  for (int it = 0; it < kKept; it++) anew = moved(grid, whole, a);
  CHECK_FALSE(renews_curvature(kKept));
  CHECK(difference(moved(grid, whole, a), anew) < 0.02);
  Eighths::to_eighths(b);
  for (int it = 0; it < kKept; it++) moved(both, part, b);
  Eighths::to_grid(b);
  CHECK(difference(moved(both, whole, b), anew) < 0.3);  // an eighth of the terms
}

TEST_CASE("training on eighths, too, never returns a model that is worse than the one it was given") {
  const SampleSet s = wave_samples(32, 24, 16);
  Model m = initialise(s, 100);
  train(m, s, iterations(60), {});
  TrainSettings rough = iterations(5);
  rough.full = 1;
  rough.eighths = OnEighths::cold;
  const double before = psnr(m, s);
  const double after = train(m, s, rough, {}).psnr;
  CHECK(after >= before - 1e-6);
  CHECK(psnr(m, s) == doctest::Approx(after).epsilon(1e-6));
}

TEST_CASE("a warm start is near where the step before ended, and improves") {
  const SampleSet first = wave_samples(32, 24, 16);
  Model m = initialise(first, 100);
  train(m, first, iterations(40), {});
  auto values = fields::wave_on_grid(32, 24, 16);
  for (size_t i = 0; i < values.size(); i++) values[i] += 0.02f * std::sin(0.3f * static_cast<float>(i % 32));
  values[0] += 3;  // one value that changes the range
  const SampleSet second = make_samples(fields::grid(32, 24, 16), Association::node, fields::view(values));
  rescale(m, second);
  CHECK(m.value_min == second.value_min);
  CHECK(m.value_range == second.value_range);
  const double moved = psnr(m, second);
  CHECK(moved > 25);
  Model parts = m;
  const double whole = train(m, second, iterations(12), {}).psnr;
  CHECK(whole > moved + 0.3);
  TrainSettings settings = iterations(16);
  settings.eighths = OnEighths::warm;
  CHECK(iterations_on_eighths(settings, second, parts.count()) == 14);
  const double on_eighths = train(parts, second, settings, {}).psnr;
  CHECK(on_eighths > moved + 0.3);
  CHECK(on_eighths > whole - 1);
}

TEST_CASE("a trained model suits eighths unless more than a few of its Gaussians are small") {
  Model m = initialise(wave_samples(64, 32, 32), 100);
  CHECK(few_are_small(m));
  for (size_t i = 0; i < 3; i++) {
    CHECK(few_are_small(m));
    for (const int k : {0, 3, 5}) m.a[k][i] = 0.7f;  // reaches 276 samples
  }
  CHECK_FALSE(few_are_small(m));
}

TEST_CASE("training never returns a model that is worse than the one it was given") {
  const SampleSet s = wave_samples(32, 24, 16);
  Model m = initialise(s, 100);
  train(m, s, iterations(60), {});
  TrainSettings rough = iterations(3);
  rough.full = kFullSteps;  // full steps from the bottom of the valley
  for (int i = 0; i < 3; i++) {
    const double before = psnr(m, s);
    const double after = train(m, s, rough, {}).psnr;
    CHECK(after >= before - 1e-6);
    CHECK(psnr(m, s) == doctest::Approx(after).epsilon(1e-6));
  }
}

TEST_CASE("growing adds Gaussians where the fit is worst; shrinking keeps those that matter") {
  const SampleSet s = wave_samples(40, 33, 21);
  Model m = initialise(s, 60);
  train(m, s, iterations(20), {});
  const double small = psnr(m, s);
  resize_model(m, s, 90);
  CHECK(m.count() == 90);
  const double more = train(m, s, iterations(15), {}).psnr;
  CHECK(more > small + 1);
  resize_model(m, s, 80);
  CHECK(m.count() == 80);
  CHECK(train(m, s, iterations(10), {}).psnr > small);
  CHECK(sane(m, s));
}

TEST_CASE("grow_to reaches the count it was given") {
  const SampleSet s = wave_samples(24, 20, 12);
  Model m = initialise(s, 35);
  TrainSettings settings = iterations(24);
  settings.grow_to = 50;
  train(m, s, settings, {});
  CHECK(m.count() == 50);
}

TEST_CASE("solving for values alone never makes the fit worse and nearly ends at the least-squares values") {
  const SampleSet s = wave_samples(24, 20, 12);
  Model m = initialise(s, 60);
  train(m, s, iterations(10), {});
  for (size_t i = 0; i < m.count(); i++) m.v[i] = 0.5f;
  const double flat = psnr(m, s);
  solve_values(m, s, 4, {});
  const double four = psnr(m, s);
  solve_values(m, s, 40, {});
  const double many = psnr(m, s);
  solve_values(m, s, 40, {});
  CHECK(four > flat + 5);
  CHECK(many >= four);
  CHECK(psnr(m, s) == doctest::Approx(many).epsilon(2e-3));
}

TEST_CASE("every sample is covered by a fitted model, and far away nothing is") {
  const SampleSet s = wave_samples(24, 20, 12);
  Model m = initialise(s, 40);
  train(m, s, iterations(15), {});
  fit_coverage(m, s);
  CHECK(m.coverage > 0);
  std::vector<float> f(s.x.size()), cover(s.x.size());
  evaluate(m, s, f.data(), cover.data());
  for (size_t k = 0; k < cover.size(); k++)
    if (s.weight[k] != 0) CHECK(cover[k] >= m.coverage);
  float far;
  evaluate_reference(m, 200, 0, 0, &far);
  CHECK(far < m.coverage);
}

TEST_CASE("stopping rules: iterations, target, time, cancel") {
  const SampleSet s = wave_samples(24, 20, 12);
  const Model start = initialise(s, 40);
  Model m = start;
  CHECK(train(m, s, iterations(0), {}).iterations == 0);
  CHECK(flatten(m) == flatten(start));

  TrainSettings target = iterations(200);
  target.target_psnr = 25;
  const TrainResult r = train(m, s, target, {});
  CHECK(r.psnr >= 25);
  CHECK(r.iterations < 200);

  m = start;
  TrainSettings timed = iterations(1000000);
  timed.seconds = 0.05;
  CHECK(train(m, s, timed, {}).iterations < 1000000);

  std::atomic<bool> cancel{false};
  Control control;
  control.cancel = &cancel;
  control.on_progress = [&](const Progress& p) { cancel = p.iteration == 3; };
  m = start;
  try {
    train(m, s, iterations(50), control);
    FAIL("expected Error(cancelled)");
  } catch (const Error& e) {
    CHECK(e.code == Code::cancelled);
    CHECK(std::string(e.what()).find("after 4 of 50") != std::string::npos);
  }
}

TEST_CASE("progress counts up to the plan") {
  const SampleSet s = wave_samples(20, 12, 8);
  Model m = initialise(s, 20);
  std::vector<int> seen;
  Control control;
  control.on_progress = [&](const Progress& p) {
    seen.push_back(p.iteration);
    CHECK(p.iterations == 7);
    CHECK(p.gaussians == 20);
    CHECK(std::isfinite(p.psnr));
  };
  train(m, s, iterations(7), control);
  CHECK(seen == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("degenerate fields train, or are left alone, without harm") {
  const auto run = [](const MeshView& mesh, const std::vector<float>& values, size_t count) {
    const SampleSet s = make_samples(mesh, Association::node, fields::view(values));
    Model m = initialise(s, count);
    CHECK(m.count() == std::min(count, s.finite));
    const TrainResult r = train(m, s, iterations(8), {});
    solve_values(m, s, 3, {});
    resize_model(m, s, count + 3);
    resize_model(m, s, 1);
    fit_coverage(m, s);
    CHECK(sane(m, s));
    CHECK(!std::isnan(r.psnr));
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  run(fields::grid(1, 1, 1), {7}, 5);                                 // one sample
  run(fields::grid(2, 1, 1), {7, 8}, 5);                              // two
  run(fields::grid(8, 8, 8), std::vector<float>(512, 3.5f), 10);      // constant
  run(fields::grid(8, 8, 8), std::vector<float>(512, nan), 10);       // nothing finite
  run(fields::grid(0, 8, 8), {}, 10);                                 // nothing at all
  run(fields::grid(31, 29, 1), fields::wave_on_grid(31, 29, 1), 40);  // flat
  run(fields::grid(1, 1, 97), fields::wave_on_grid(1, 1, 97), 12);    // a line
  run(fields::grid(5, 7, 3), fields::wave_on_grid(5, 7, 3), 1000);    // more Gaussians than samples
  auto holes = fields::wave_on_grid(20, 11, 7);
  for (size_t i = 0; i < holes.size(); i += 3) holes[i] = nan;
  run(fields::grid(20, 11, 7), holes, 30);
  auto spike = std::vector<float>(512, 0.0f);
  spike[77] = 1e30f;
  run(fields::grid(8, 8, 8), spike, 10);
  MeshView same;
  same.kind = MeshKind::points;
  const std::vector<float> points(3 * 50, 1.0f);
  same.points = fields::view(points);
  run(same, fields::wave_on_grid(50, 1, 1), 10);  // fifty values in one place
}
