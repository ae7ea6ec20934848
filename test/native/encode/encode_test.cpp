#include "encode/encode.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "encode/compensate.hpp"
#include "encode/finish.hpp"
#include "encode/measure.hpp"
#include "everywhere.hpp"
#include "fields.hpp"
#include "query/query.hpp"
#include "stream/payload.hpp"

using namespace gaussitu;

namespace {

EncodeResult encode_grid(const std::vector<float>& values, const MeshView& mesh, EncodeSettings settings) {
  return encode(mesh, Association::node, fields::view(values), settings, Control{});
}

EncodeSettings bytes(size_t n, int iterations = 12) {
  EncodeSettings s;
  s.target.bytes = n;
  s.iterations = iterations;
  return s;
}

Model trained_model(const SampleSet& samples) {
  Model model = initialise(samples, 150);
  TrainSettings t;
  t.iterations = 25;
  train(model, samples, t, Control{});
  return model;
}

}  // namespace

TEST_CASE("bytes are met from below, within 1.5 %") {
  const auto values = fields::wave_on_grid(40, 30, 20);
  for (const size_t goal : {1200, 2500, 6000}) {
    const auto r = encode_grid(values, fields::grid(40, 30, 20), bytes(goal));
    CHECK(r.payload.size() <= goal);
    CHECK(static_cast<double>(r.payload.size()) >= 0.985 * static_cast<double>(goal));
    CHECK(r.metrics.psnr > 25);
  }
}

TEST_CASE("psnr is met from above, within 0.5 dB") {
  const auto values = fields::wave_on_grid(40, 30, 20);
  for (const double goal : {30., 40.}) {
    EncodeSettings s;
    s.target.psnr = goal;
    s.iterations = 30;
    const auto r = encode_grid(values, fields::grid(40, 30, 20), s);
    CHECK(r.metrics.psnr >= goal);
    CHECK(r.metrics.psnr <= goal + 0.5);
  }
}

TEST_CASE("metrics are those of a real decode") {
  const auto mesh = fields::grid(33, 17, 9);
  const auto values = fields::wave_on_grid(33, 17, 9);
  const auto r = encode_grid(values, mesh, bytes(1500));
  const Model model = decode_payload(r.payload);
  const auto decoded = query<float>(QueryModel(model), find_places(model.domain, mesh, Association::node));
  double squares = 0, most = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double e = std::fabs(static_cast<double>(values[i]) - static_cast<double>(decoded.values[i]));
    squares += e * e;
    most = std::max(most, e);
  }
  CHECK(r.metrics.max_error == most);
  CHECK(r.metrics.rmse ==
        doctest::Approx(std::sqrt(squares / static_cast<double>(values.size()))).epsilon(1e-12));
  CHECK(r.metrics.values == values.size());
}

TEST_CASE("a warm start beats as many cold iterations, and rests on the payload alone") {
  const auto mesh = fields::grid(40, 30, 20);
  const auto first = fields::wave_on_grid(40, 30, 20);
  auto second = first;
  for (size_t i = 0; i < second.size(); ++i) second[i] = second[i] * 1.02f + 0.01f;
  const auto before = encode_grid(first, mesh, bytes(2500, 40));
  EncodeSettings s = bytes(2500, 4);
  const auto cold = encode_grid(second, mesh, s);
  s.previous = before.payload;
  const auto warm = encode_grid(second, mesh, s);
  CHECK(warm.warm);
  CHECK(!cold.warm);
  CHECK(warm.metrics.psnr > cold.metrics.psnr + 3);
  CHECK(encode_grid(second, mesh, s).payload == warm.payload);
}

TEST_CASE("a warm start has more iterations where it may see eighths of the samples") {
  const auto mesh = fields::grid(40, 30, 20);
  const auto values = fields::wave_on_grid(40, 30, 20);
  const auto warm = [&](size_t gaussians, bool may_refer) {
    EncodeSettings s;
    s.target.gaussians = gaussians;
    s.iterations = 10;
    const auto before = encode_grid(values, mesh, s);
    s.iterations = 0;
    s.previous = before.payload;
    s.may_refer = may_refer;
    return encode_grid(values, mesh, s).training;
  };
  const auto eighths = warm(100, false), whole = warm(400, false);  // 240 and 60 samples for each
  CHECK(eighths.iterations == 36);
  CHECK(whole.iterations == 24);
  CHECK(warm(100, true).iterations == 60);
  CHECK(warm(400, true).iterations == 36);
  CHECK(eighths.pair_evaluations < whole.pair_evaluations);
}

TEST_CASE("a small model is thinned out, unless the number of iterations is given") {
  const auto mesh = fields::grid(40, 30, 20);
  const auto values = fields::wave_on_grid(40, 30, 20);
  const auto asked = encode_grid(values, mesh, bytes(1500, 60));
  const auto chosen = encode_grid(values, mesh, bytes(1500, 0));
  CHECK(asked.training.iterations <= 90);
  CHECK(chosen.training.iterations > 90);
  CHECK(chosen.payload.size() <= 1500);
  CHECK(chosen.metrics.psnr > asked.metrics.psnr + 0.5);
}

TEST_CASE("fields without variation, without finite values, and too small for a model") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto mesh = fields::grid(5, 4, 3);
  const auto constant = encode_grid(std::vector<float>(60, 7.5f), mesh, bytes(1000));
  CHECK(constant.gaussians == 0);
  CHECK(constant.metrics.max_error == 0);
  CHECK(std::isinf(constant.metrics.psnr));
  const auto none = encode_grid(std::vector<float>(60, nan), mesh, bytes(1000));
  CHECK(none.metrics.non_finite == 60);
  CHECK(decode_payload(none.payload).count() == 0);
  std::vector<float> holes = fields::wave_on_grid(5, 4, 3);
  holes[7] = nan;
  holes[8] = INFINITY;
  const auto r = encode_grid(holes, mesh, bytes(300));
  CHECK(r.metrics.non_finite == 2);
  CHECK(r.payload.size() <= 300);
  for (const size_t n : {1, 2, 3, 31}) {
    const auto line = fields::wave_on_grid(static_cast<uint32_t>(n), 1, 1);
    const auto tiny = encode_grid(line, fields::grid(static_cast<uint32_t>(n), 1, 1), bytes(500));
    CHECK(decode_payload(tiny.payload).count() == tiny.gaussians);
  }
  CHECK(encode_grid({}, fields::grid(0, 4, 3), bytes(500)).metrics.values == 0);
  // A goal too small for any Gaussian: the mean alone.
  CHECK(encode_grid(fields::wave_on_grid(8, 8, 8), fields::grid(8, 8, 8), bytes(50)).gaussians == 0);
}

TEST_CASE("compensation costs less error than rounding at the same steps") {
  const auto values = fields::wave_on_grid(40, 30, 20);
  const SampleSet samples = make_samples(fields::grid(40, 30, 20), Association::node, fields::view(values));
  const Model model = trained_model(samples);
  const QuantSteps steps{0.15f, 0.15f, 0.18f, 0.015f};
  const auto session = cpu_device().open(samples, Purpose::training);
  const double rounded = mean_squared_error(from_integers(to_integers(model, steps)), *session);
  const double compensated = mean_squared_error(
      from_integers(quantise_compensating(model, *session, steps, 3, {}, Control{})), *session);
  const double unquantised = mean_squared_error(model, *session);
  CHECK(compensated - unquantised < 0.6 * (rounded - unquantised));
}

TEST_CASE("after the deadline numbers are rounded at once, and targets met all the same") {
  const auto values = fields::wave_on_grid(40, 30, 20);
  const SampleSet samples = make_samples(fields::grid(40, 30, 20), Association::node, fields::view(values));
  const Model model = trained_model(samples);
  const auto session = cpu_device().open(samples, Purpose::training);
  const Control control;
  const Finisher calm(model, *session, control, nullptr, {}),
      late(model, *session, control, nullptr, {.deadline = std::chrono::steady_clock::now()});
  const size_t goal = calm.bytes_at(0.3);
  const Finished best = calm.to_bytes(goal), rounded = late.to_bytes(goal);
  for (const Finished* f : {&best, &rounded}) {
    CHECK(f->payload.size() <= goal);
    CHECK(static_cast<double>(f->payload.size()) > 0.97 * static_cast<double>(goal));
  }
  CHECK(best.mse < rounded.mse);
  // Neither does the time for training stop a model from being made.
  EncodeSettings s = bytes(1500);
  s.seconds = 1e-4;
  const auto hurried = encode_grid(values, fields::grid(40, 30, 20), s);
  CHECK(hurried.gaussians > 0);
  CHECK(hurried.payload.size() <= 1500);
}

TEST_CASE("the same bytes on every instruction set and thread count") {
  const auto values = fields::wave_on_grid(24, 20, 12);
  check_same_bits_everywhere([&] {
    const auto r = encode_grid(values, fields::grid(24, 20, 12), bytes(1500, 6));
    return std::vector<float>(r.payload.begin(), r.payload.end());
  });
}

TEST_CASE("cancelling stops an encode") {
  const auto values = fields::wave_on_grid(40, 30, 20);
  std::atomic<bool> cancel = false;
  Control control;
  control.cancel = &cancel;
  control.on_progress = [&](const Progress& p) {
    if (p.iteration == 2) cancel = true;
  };
  try {
    encode(fields::grid(40, 30, 20), Association::node, fields::view(values), bytes(3000, 1000), control);
    FAIL("encode was not cancelled");
  } catch (const Error& e) {
    CHECK(e.code == Code::cancelled);
  }
}

TEST_CASE("targets and settings that make no sense are refused") {
  const auto values = fields::wave_on_grid(8, 8, 8);
  EncodeSettings s;
  CHECK_THROWS_AS(encode_grid(values, fields::grid(8, 8, 8), s), Error);
  s.target.bytes = 100;
  s.target.psnr = 30;
  CHECK_THROWS_AS(encode_grid(values, fields::grid(8, 8, 8), s), Error);
  s = bytes(500);
  const std::vector<uint8_t> foreign(100, 'x');
  s.previous = foreign;
  CHECK_THROWS_AS(encode_grid(values, fields::grid(8, 8, 8), s), Error);
}
