// Floors, loose ones, on real simulation data: figures are in docs/model.md.
#include <doctest/doctest.h>

#include "fields.hpp"
#include "train/train.hpp"

using namespace gaussitu;

TEST_CASE("dns_decay u: cold start, then a warm start of the next step") {
  const std::string data = fields::data_folder();
  if (data.empty()) return;
  const auto u2 = fields::read_f32(data + "dns_decay/u_002.f32"),
             u3 = fields::read_f32(data + "dns_decay/u_003.f32");
  REQUIRE(u2.size() == 128 * 128 * 64);
  const MeshView grid = fields::grid(128, 128, 64);
  SampleSet s = make_samples(grid, Association::node, fields::view(u2));
  Model m = initialise(s, 2730);
  TrainSettings settings;
  settings.iterations = 30;
  settings.grow_to = 3900;
  const double cold = train(m, s, settings, {}).psnr;
  CHECK(m.count() == 3900);
  CHECK(cold > 38.5);
  s = make_samples(grid, Association::node, fields::view(u3));
  rescale(m, s);
  settings.iterations = 8;
  CHECK(train(m, s, settings, {}).psnr > cold - 0.5);
}

TEST_CASE("openfoam_channel395 Ux: graded anisotropic cells") {
  const std::string data = fields::data_folder();
  if (data.empty()) return;
  const auto centres = fields::read_f32(data + "openfoam_channel395/cell_centres.f32"),
             ux = fields::read_f32(data + "openfoam_channel395/Ux_003.f32");
  REQUIRE(ux.size() == 60000);
  MeshView mesh;
  mesh.kind = MeshKind::points;
  mesh.points = fields::view(centres);
  const SampleSet s = make_samples(mesh, Association::node, fields::view(ux));
  Model m = initialise(s, 1000);
  TrainSettings settings;
  settings.iterations = 40;
  CHECK(train(m, s, settings, {}).psnr > 31);
}
