// The CPU through the interface of devices gives the bits that its parts give.
#include <doctest/doctest.h>

#include "device/device.hpp"
#include "fields.hpp"
#include "model/evaluate.hpp"

using namespace gaussitu;

namespace {

bool same(const Model& a, const Model& b) {
  for (int k = 0; k < 3; k++)
    if (a.mu[k] != b.mu[k]) return false;
  for (int k = 0; k < 6; k++)
    if (a.a[k] != b.a[k]) return false;
  return a.v == b.v;
}

struct Example {
  std::vector<float> values = fields::wave_on_grid(24, 20, 12);
  SampleSet samples = make_samples(fields::grid(24, 20, 12), Association::node, fields::view(values));
  Model model = initialise(samples, 60);
  std::unique_ptr<Session> session = cpu_device().open(samples, Purpose::training);
};

}  // namespace

TEST_CASE("a session trains, solves and evaluates as the functions behind it do, call after call") {
  Example x;
  CHECK(x.session->device() == "cpu");
  TrainSettings settings;
  settings.iterations = 6;
  Model own = x.model;
  for (int round = 0; round < 2; round++) {
    x.session->train(x.model, settings, {});
    x.session->solve_values(x.model, 3, {});
    train(own, x.samples, settings, {});
    solve_values(own, x.samples, 3, {});
    CHECK(same(x.model, own));
    std::vector<float> f(x.samples.x.size()), cover(f.size()), g(f.size()), other(f.size());
    x.session->evaluate(x.model, f.data(), cover.data());
    evaluate(own, x.samples, g.data(), other.data());
    CHECK(f == g);
    CHECK(cover == other);
  }
}

TEST_CASE("moments of every third Gaussian are those of all of them") {
  Example x;
  std::vector<Moments> all, third, none;
  const double squared = x.session->linearise(x.model, 0, 1, all);
  CHECK(all.size() == 60);
  CHECK(x.session->linearise(x.model, 1, 3, third) == squared);
  CHECK(third.size() == 20);
  for (size_t m = 0; m < third.size(); m++) {
    CHECK(third[m].phi2 == all[1 + 3 * m].phi2);
    CHECK(third[m].curvature[34] == all[1 + 3 * m].curvature[34]);
  }
  CHECK(x.session->linearise(x.model, 60, 3, none) == squared);
  CHECK(none.empty());
  const std::vector<float> costs = x.session->costs(x.model);
  for (size_t i = 0; i < 60; i++) CHECK(costs[i] == all[i].curvature[0]);
}

TEST_CASE("the squared error is that of the residuals") {
  Example x;
  std::vector<Moments> none;
  const double squared = x.session->linearise(x.model, 60, 1, none);
  double sum = 0;
  for (const float e : x.session->residuals(x.model)) sum += double{e} * e;
  CHECK(sum == doctest::Approx(squared).epsilon(1e-5));
}

TEST_CASE("a model resized through a session is the one resized by itself") {
  Example x;
  Model own = x.model;
  for (const size_t count : {size_t{40}, size_t{75}}) {
    resize_model(x.model, x.samples, count, *x.session);
    resize_model(own, x.samples, count);
    CHECK(x.model.count() == count);
    CHECK(same(x.model, own));
  }
}
