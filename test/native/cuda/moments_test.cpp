// The backward pass against the CPU's: moments, forces, projections.
#include "moments.hpp"

#include <numeric>

#include "cases.hpp"
#include "model/evaluate.hpp"
#include "moments_reference.hpp"
#include "seeds.hpp"

using namespace gaussitu;
using namespace gaussitu::cuda;
using cases::Compared;
using cases::Plain;

TEST_CASE("residuals are the CPU's bits, their squares and pairs add up") {
  for (const SampleSet& s : cases::all()) {
    const Model m = cases::model(40, s.domain, 3, false);
    Pass pass(s);
    const double squared = pass.forward(m);
    Compared d(m, s);
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

TEST_CASE("moments are right to 2e-5 of their terms, and the same bytes in every order of execution") {
  for (const SampleSet& s : cases::all())
    for (const bool needles : {false, true}) {
      CAPTURE(s.x.size());
      const Model m = cases::model(16, s.domain, 3, needles);
      Pass pass(s);
      pass.forward(m);
      std::vector<float> f(s.x.size());
      evaluate(m, s, f.data());
      const auto rows = same_under_all_seeds([&] { return Compared(m, s).moments(true); }, needles ? 1 : 3);
      double worst = 0, cpu = 0;
      for (size_t i = 0; i < m.count(); i++) {
        const Plain plain(m, i, s, pass, f);
        worst = std::max(worst, plain.error(cases::moments_at(rows, i)));
        cpu = std::max(cpu, plain.error(pass.backward(i, true)));
      }
      CHECK(worst < 2e-5);  // f is rounded once more than what it is compared with
      CHECK(worst < 4 * cpu + 1e-6);
    }
}

TEST_CASE(
    "forces alone are those of the full moments, and leave the curvature; every third Gaussian gets its "
    "own") {
  for (const SampleSet& s : {cases::grid(37, 29, 19), cases::scattered(1700)}) {
    const Model m = cases::model(20, s.domain, 3, false);
    Compared d(m, s);
    const auto full = d.moments(true), third = d.moments(true, 1, 3);
    const std::vector<float> kept(full.size(), 3.0f);
    const auto forces = d.forces(kept);
    CHECK(d.forces(kept, true) == kept);
    REQUIRE(third.size() == 7 * kMomentStride);
    for (size_t i = 0; i < m.count(); i++) {
      const Moments a = cases::moments_at(full, i), b = cases::moments_at(forces, i);
      CHECK(std::memcmp(a.force, b.force, sizeof a.force) == 0);
      CHECK(a.e_phi == b.e_phi);
      CHECK(b.phi2 == 3);
      for (const float c : b.curvature) CHECK(c == 3);
      for (const float c : b.cross) CHECK(c == 3);
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
    Compared d(m, s);
    fields::Random random(4);
    std::vector<float> values(m.count()), h(s.x.size()), f;
    for (float& v : values) v = static_cast<float>(random.in(-1, 1));
    for (size_t k = 0; k < h.size(); k++)
      h[k] = static_cast<float>(random.in(-1, 1)) * pass.inverse_density()[k];
    pass.apply_values(values, f);
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
      const auto [first, second] = pass.project(i, h);
      CHECK(projected[i].y == doctest::Approx(second).epsilon(1e-5));
      CHECK(std::fabs(projected[i].x - first) <
            1e-5 * (std::sqrt(double{second} * static_cast<double>(h.size())) + 1e-6));
    }
  }
}
