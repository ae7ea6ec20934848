// Real simulation data: what the kernels compute, and whole trainings, against the CPU.
#include <numeric>

#include "card.hpp"
#include "cases.hpp"
#include "device/device.hpp"
#include "model/evaluate.hpp"
#include "moments_reference.hpp"
#include "real_fields.hpp"
#include "seeds.hpp"
#include "train/train.hpp"

using namespace gaussitu;
using namespace gaussitu::cuda;

namespace {

struct Field {
  std::string name;
  SampleSet samples;
  size_t gaussians;
  size_t grow_to = 0;
};

/// Less of each with the address sanitizer.
std::vector<Field> all(const std::string& data) {
  std::vector<Field> out;
  const bool whole = cases::kThorough;
  const real_fields::Corner turbulence =
                                whole ? real_fields::Corner{32, 32, 32} : real_fields::Corner{20, 16, 12},
                            pattern =
                                whole ? real_fields::Corner{48, 48, 32} : real_fields::Corner{16, 20, 12},
                            sea = whole ? real_fields::Corner{100, 90, 1} : real_fields::Corner{50, 40, 1};
  out.push_back({"dns_decay u",
                 real_fields::on_grid(
                     real_fields::block(data, "dns_decay/u_002.f32", {40, 24, 16}, turbulence), turbulence),
                 whole ? size_t{130} : size_t{30}});
  out.push_back(
      {"gray_scott u, growing",
       real_fields::on_grid(real_fields::block(data, "gray_scott/u_002.f32", {0, 80, 16}, pattern), pattern),
       whole ? size_t{140} : size_t{20}, whole ? size_t{200} : size_t{30}});
  out.push_back({"ipcc_tos, land missing",
                 real_fields::on_grid(real_fields::sea(data, "tos_005.f32", {40, 40, 0}, sea), sea), 80});
  out.push_back({"openfoam_channel395 Ux, cells at the wall",
                 real_fields::cells(
                     data, "Ux_003.f32", {1, 0, 0.5f},
                     whole ? std::array<float, 3>{2, 0.5f, 1.2f} : std::array<float, 3>{1.5f, 0.25f, 1.0f}),
                 whole ? size_t{60} : size_t{25}});
  out.push_back({"fem_tet p, nodes",
                 real_fields::nodes(
                     data, "p_003.f32", {0.4f, 0.4f, 0.4f},
                     whole ? std::array<float, 3>{0.6f, 0.6f, 0.6f} : std::array<float, 3>{0.5f, 0.5f, 0.5f}),
                 whole ? size_t{80} : size_t{25}});
  for (const Field& f : out) {
    CAPTURE(f.name);
    REQUIRE(f.samples.measured > 200);
  }
  return out;
}

Model trained_on_cpu(const Field& field, int iterations) {
  Model m = initialise(field.samples, field.gaussians);
  TrainSettings settings;
  settings.iterations = iterations;
  train(m, field.samples, settings, {});
  return m;
}

size_t differing(const std::vector<float>& a, const float* b) {
  size_t n = 0;
  for (size_t k = 0; k < a.size(); k++) n += std::memcmp(&a[k], &b[k], 4) != 0;
  return n;
}

}  // namespace

TEST_CASE("real fields: values, coverage and residuals are the CPU's bits, moments right to 1e-5") {
  const std::string data = fields::data_folder();
  if (data.empty()) return;
  for (const Field& field : all(data)) {
    CAPTURE(field.name);
    const SampleSet& s = field.samples;
    const Model m = trained_on_cpu(field, 4);
    const size_t n = s.x.size();
    std::vector<float> f(n), cover(n);
    evaluate(m, s, f.data(), cover.data());
    Pass pass(s);
    const double squared = pass.forward(m);

    cases::Compared d(m, s);
    DeviceArray<float> out(d.memory);
    out.resize(2 * n);
    cuda::evaluate(d.model.view(), d.samples, d.reach.gaussians(), kBackground * m.mean, out.data(),
                   out.data() + n, d.stream);
    const auto values = out.download(d.stream);
    CHECK(differing(f, values.data()) == 0);
    CHECK(differing(cover, values.data() + n) == 0);
    CHECK(differing(d.e.download(d.stream), pass.residual().data()) == 0);
    CHECK(differing(d.r.download(d.stream), pass.inverse_density().data()) == 0);
    const auto squares = d.squares.download(d.stream);
    CHECK(std::accumulate(squares.begin(), squares.end(), 0.0) == doctest::Approx(squared).epsilon(1e-6));

    const auto rows = d.moments(true);
    double worst = 0;
    for (size_t i = 0; i < m.count(); i++)
      worst = std::max(worst, cases::Plain(m, i, s, pass, f).error(cases::moments_at(rows, i)));
    CHECK(worst < 1e-5);
    MESSAGE(field.name, ": ", s.measured, " values, moments to ", worst);
  }
}

TEST_CASE("real fields: whole trainings are within 0.05 dB of the CPU's") {
  const std::string data = fields::data_folder();
  if (data.empty()) return;
  for (const Field& field : all(data)) {
    CAPTURE(field.name);
    TrainSettings settings;
    settings.iterations = 16;
    settings.grow_to = field.grow_to;
    const Model begin = initialise(field.samples, field.gaussians);
    const auto cpu = cpu_device().open(field.samples, Purpose::training);
    Card card(0, size_t{1} << 28);
    const auto session = card.open(field.samples, Purpose::training);
    const auto psnr_of_start = [&] {
      Model m = begin;
      TrainSettings none;
      none.iterations = 0;
      return cpu->train(m, none, {}).psnr;
    };
    Model expected = begin, got = begin;
    const double wanted = cpu->train(expected, settings, {}).psnr;
    const double psnr = session->train(got, settings, {}).psnr;
    MESSAGE(field.name, ": CPU ", wanted, " dB, CUDA ", psnr, " dB");
    CHECK(std::fabs(psnr - wanted) < 0.05);
    CHECK(psnr > psnr_of_start() + 2);
    CHECK(got.count() == std::max(field.gaussians, field.grow_to));
    // And values alone, from there on.
    cpu->solve_values(expected, 3, {});
    session->solve_values(got, 3, {});
    const auto error = [&](const Model& m) {
      std::vector<Moments> none;
      return cpu->linearise(m, m.count(), 1, none);
    };
    CHECK(std::fabs(10 * std::log10(error(got) / error(expected))) < 0.05);
  }
}
