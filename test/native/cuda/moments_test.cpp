// The backward pass against the CPU's: moments, forces, projections.
#include "moments.hpp"

#include <numeric>

#include "cases.hpp"
#include "model/evaluate.hpp"
#include "on_device.hpp"
#include "seeds.hpp"
#include "train/normal_equations.hpp"
#include "train/pass.hpp"

using namespace gaussitu;
using namespace gaussitu::cuda;

namespace {

struct OnDevice : cases::OnDevice {
  DeviceArray<float> e{memory}, r{memory}, fr{memory};
  DeviceArray<double> squares{memory};
  DeviceArray<uint32_t> pairs{memory};

  OnDevice(const Model& m, const SampleSet& s) : cases::OnDevice(m, s) {
    for (auto* a : {&e, &r, &fr}) a->resize(s.x.size());
    squares.resize(samples.blocks());
    pairs.resize(samples.view().unit_count);
    compare(model.view(), samples, reach.gaussians(), kBackground * m.mean,
            {e.data(), r.data(), fr.data(), squares.data(), pairs.data()}, stream);
  }
  ResidualView residual() const { return {e.data(), r.data(), fr.data()}; }

  std::vector<float> moments(bool curvature, uint32_t first = 0, uint32_t stride = 1) {
    const auto count = static_cast<uint32_t>((model.count() - first - 1) / stride + 1);
    DeviceArray<float> out(memory);
    out.resize(size_t{count} * kMomentStride);
    gaussitu::cuda::moments(model.view(), samples, reach.tiles(), residual(), curvature, first, stride, count,
                            out.data(), stream);
    return out.download(stream);
  }
};

Moments at(const std::vector<float>& rows, size_t i) {
  Moments m;
  std::memcpy(&m, &rows[i * kMomentStride], sizeof m);
  return m;
}

/// The sums in double, and in `sizes` those of the terms' sizes, from weights in canonical single precision.
struct Plain {
  double sums[57] = {}, sizes[57] = {};

  Plain(const Model& m, size_t i, const SampleSet& s, const Pass& pass, const std::vector<float>& f) {
    for (size_t k = 0; k < s.x.size(); k++) {
      const float dx = s.x[k] - m.mu[0][i], dy = s.y[k] - m.mu[1][i], dz = s.z[k] - m.mu[2][i];
      const float t2 = m.a[5][i] * dz, t1 = std::fma(m.a[3][i], dy, m.a[4][i] * dz),
                  t0 = std::fma(m.a[0][i], dx, std::fma(m.a[1][i], dy, m.a[2][i] * dz));
      const double q = std::max(0.0f, std::fma(std::fma(t0, t0, std::fma(t1, t1, t2 * t2)), -0.125f, 1.0f));
      // 1 / D and -f / D as the forward pass leaves them, or what stands in their place outside the domain
      const float r = pass.inverse_density()[k], fr = s.weight[k] < 0 ? -s.weight[k] : -(f[k] * r);
      const double phi = q * q * q * q * r, psi = q * q * q * (double{m.v[i]} * r + fr),
                   e = pass.residual()[k];
      const double u0 = s.columns ? m.a[0][i] * dx : t0;
      int second = 0, fourth = 0;
      for (int c = 0; c <= 4; c++)
        for (int b = 0; b + c <= 4; b++)
          for (int a = 0; a + b + c <= 4; a++) {
            const double power = std::pow(u0, a) * std::pow(t1, b) * std::pow(t2, c);
            add(fourth++, psi * psi * power);
            if (a + b + c > 2) continue;
            add(35 + second, phi * psi * power);
            add(45 + second++, e * psi * power);
          }
      add(55, phi * phi);
      add(56, e * phi);
    }
  }
  void add(int k, double term) {
    sums[k] += term;
    sizes[k] += std::fabs(term);
  }
  double error(const Moments& m) const {
    double worst = 0;
    for (int k = 0; k < 57; k++) {
      if (k == 35 || k == 45) continue;  // degree 0, which nobody asks for
      float got;
      std::memcpy(&got, reinterpret_cast<const char*>(&m) + 4 * k, 4);
      worst = std::max(worst, std::fabs(got - sums[k]) / (sizes[k] + 1e-20));
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("residuals are the CPU's bits, their squares and pairs add up") {
  for (const SampleSet& s : cases::all()) {
    const Model m = cases::model(40, s.domain, 3, false);
    Pass pass(s);
    const double squared = pass.forward(m);
    OnDevice d(m, s);
    const auto e = d.e.download(d.stream), r = d.r.download(d.stream);
    size_t differ = 0;
    for (size_t k = 0; k < e.size(); k++)
      differ += std::memcmp(&e[k], &pass.residual()[k], 4) != 0 ||
                std::memcmp(&r[k], &pass.inverse_density()[k], 4) != 0;
    CHECK(differ == 0);
    const auto squares = d.squares.download(d.stream);
    CHECK(std::accumulate(squares.begin(), squares.end(), 0.0) == doctest::Approx(squared).epsilon(1e-6));
    const auto pairs = d.pairs.download(d.stream);
    const uint64_t computed = std::accumulate(pairs.begin(), pairs.end(), uint64_t{0});
    CHECK(computed > 0);
    CHECK(computed < 6 * pass.pairs() + 100000);
  }
}

TEST_CASE("moments are right to 1e-5 of their terms, and the same bytes in every order of execution") {
  for (const SampleSet& s : cases::all())
    for (const bool needles : {false, true}) {
      CAPTURE(s.x.size());
      const Model m = cases::model(16, s.domain, 3, needles);
      Pass pass(s);
      pass.forward(m);
      std::vector<float> f(s.x.size());
      evaluate(m, s, f.data());
      const auto rows = same_under_all_seeds([&] { return OnDevice(m, s).moments(true); }, needles ? 1 : 3);
      double worst = 0, cpu = 0;
      for (size_t i = 0; i < m.count(); i++) {
        const Plain plain(m, i, s, pass, f);
        worst = std::max(worst, plain.error(at(rows, i)));
        cpu = std::max(cpu, plain.error(pass.backward(m, i, true)));
      }
      CHECK(worst < 1e-5);
      CHECK(worst < 4 * cpu + 1e-6);
    }
}

TEST_CASE("forces alone are those of the full moments; every third Gaussian gets its own") {
  for (const SampleSet& s : {cases::grid(37, 29, 19), cases::scattered(1700)}) {
    const Model m = cases::model(20, s.domain, 3, false);
    OnDevice d(m, s);
    const auto full = d.moments(true), forces = d.moments(false), third = d.moments(true, 1, 3);
    REQUIRE(third.size() == 7 * kMomentStride);
    for (size_t i = 0; i < m.count(); i++) {
      const Moments a = at(full, i), b = at(forces, i);
      CHECK(std::memcmp(a.force, b.force, sizeof a.force) == 0);
      CHECK(a.e_phi == b.e_phi);
      CHECK(b.phi2 == 0);
      CHECK(b.curvature[4] == 0);
      if (i % 3 == 1)
        CHECK(std::memcmp(&third[i / 3 * kMomentStride], &full[i * kMomentStride], sizeof a) == 0);
    }
  }
}

TEST_CASE("the linear map of values and its transpose are the CPU's") {
  for (const SampleSet& s : cases::all()) {
    const Model m = cases::model(24, s.domain, 3, false);
    Pass pass(s);
    pass.forward(m);
    OnDevice d(m, s);
    fields::Random random(4);
    std::vector<float> values(m.count()), h(s.x.size()), f;
    for (float& v : values) v = static_cast<float>(random.in(-1, 1));
    for (size_t k = 0; k < h.size(); k++)
      h[k] = static_cast<float>(random.in(-1, 1)) * pass.inverse_density()[k];
    pass.apply_values(m, values, f);
    DeviceArray<float> v(d.memory), g(d.memory), out(d.memory);
    DeviceArray<float2> sums(d.memory);
    v.upload(d.stream, values.data(), values.size());
    g.upload(d.stream, h.data(), h.size());
    out.resize(f.size());
    sums.resize(m.count());
    apply_values(d.model.view(), d.samples, d.reach.gaussians(), v.data(), out.data(), d.stream);
    const auto got = out.download(d.stream);
    CHECK(std::memcmp(got.data(), f.data(), f.size() * sizeof(float)) == 0);
    project(d.model.view(), d.samples, d.reach.tiles(), g.data(), d.r.data(), sums.data(), d.stream);
    const auto projected = sums.download(d.stream);
    for (size_t i = 0; i < m.count(); i++) {
      const auto [first, second] = pass.project(m, i, h);
      CHECK(projected[i].y == doctest::Approx(second).epsilon(1e-5));
      CHECK(std::fabs(projected[i].x - first) <
            1e-5 * (std::sqrt(double{second} * static_cast<double>(h.size())) + 1e-6));
    }
  }
}
