// The Gaussian layer beside a residual: never more than 3 % larger, the bound holds, the same bits
// everywhere.
#include "bounded/model_layer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "bounded/bounded.hpp"
#include "everywhere.hpp"
#include "fields.hpp"
#include "stream/payload.hpp"

using namespace gaussitu;

namespace {

constexpr ModelRequest kAutomatic{-1, {}};

/// Waves with detail on every scale, so that a block takes tens of kilobytes.
std::vector<float> field(uint32_t nx, uint32_t ny, uint32_t nz, double noise, double phase = 0) {
  std::vector<float> v = fields::wave_on_grid(nx, ny, nz);
  fields::Random random(3);
  for (size_t i = 0; i < v.size(); i++)
    v[i] += float(noise * random.unit() + 0.3 * std::sin(0.21 * double(i % nx) + phase));
  return v;
}

/// Encodes with and without a model; checks size, bound and what decoding gives.
BoundedResult check_layer(const Layout& layout, const std::vector<float>& values, double rel,
                          const ModelRequest& request, const BoundedReferences& offered = {}) {
  const auto plain = encode_bounded(layout, fields::view(values), {-1, rel}, {}, offered);
  auto coded = encode_bounded(layout, fields::view(values), {-1, rel}, {}, offered, request);
  CHECK(plain.model.bytes == 0);
  CHECK(double(coded.payload.size()) <= 1.03 * double(plain.payload.size()));
  CHECK(coded.bound == plain.bound);
  BoundedReferences used;
  if (coded.uses_earlier) used.earlier = offered.earlier;
  const auto decoded = decode_bounded(layout, Dtype::f32, coded.payload, used);
  const auto& out = std::get<Array<float>>(decoded.values());
  double largest = 0;
  for (size_t i = 0; i < out.size(); i++)
    largest = std::max(largest, std::fabs(double(values[i]) - double(out[i])));
  CHECK(largest <= coded.bound);
  const auto model = model_of(coded.payload);
  CHECK(model.size() == coded.model.bytes);
  if (!model.empty()) CHECK(describe_payload(model).gaussians == coded.model.gaussians);
  return coded;
}

}  // namespace

TEST_CASE("a block with its model is at most 3 % larger, whatever share was asked for, and keeps its bound") {
  const auto layout = make_layout(fields::grid(70, 45, 40), Association::node);
  for (const double noise : {0.0, 0.02, 2.0})
    for (const double rel : {1e-1, 1e-2, 1e-3}) {
      const auto values = field(70, 45, 40, noise);
      check_layer(*layout, values, rel, kAutomatic);
      check_layer(*layout, values, rel, {0.05, {}});
    }
}

TEST_CASE("a model helps a smooth field to fewer bytes, and is then a reference of its residual") {
  const auto layout = make_layout(fields::grid(64, 64, 64), Association::node);
  const auto values = field(64, 64, 64, 0.003);
  const auto plain = encode_bounded(*layout, fields::view(values), {-1, 1e-2}, {}, {});
  const auto coded = check_layer(*layout, values, 1e-2, {0.3, {}});
  CHECK(coded.model.reference);
  CHECK(coded.payload.size() < plain.payload.size());
}

TEST_CASE("the best share is no longer than the automatic one, and never tried on blocks with history") {
  const auto layout = make_layout(fields::grid(48, 48, 48), Association::node);
  const auto values = field(48, 48, 48, 0.003);
  const auto automatic = check_layer(*layout, values, 1e-2, kAutomatic);
  const auto best = check_layer(*layout, values, 1e-2, {kBestModel, {}});
  CHECK(best.model.reference);
  CHECK(best.payload.size() < automatic.payload.size());
  const BoundedReferences history{{best.state}, {}};
  const auto next = field(48, 48, 48, 0.003, 0.05);
  CHECK(check_layer(*layout, next, 1e-2, {kBestModel, {}}, history).payload ==
        check_layer(*layout, next, 1e-2, kAutomatic, history).payload);
}

TEST_CASE("at a size or a quality the split between model and residual is searched too") {
  const auto layout = make_layout(fields::grid(48, 48, 48), Association::node);
  const auto values = field(48, 48, 48, 0.003);
  const ModelRequest best{kBestModel, {}};
  const RateTarget size{20000, 0, 0}, quality{0, 50, 0};
  const auto plain = encode_to_rate(*layout, fields::view(values), size, {}, {});
  const auto split = encode_to_rate(*layout, fields::view(values), size, {}, {}, best);
  CHECK(split.payload.size() <= size.bytes);
  CHECK(split.model.reference);
  CHECK(split.metrics.psnr > plain.metrics.psnr);
  const auto fine = encode_to_rate(*layout, fields::view(values), quality, {}, {});
  const auto fine_split = encode_to_rate(*layout, fields::view(values), quality, {}, {}, best);
  CHECK(fine_split.metrics.psnr >= 50);
  CHECK(fine_split.payload.size() < fine.payload.size());
}

TEST_CASE("blocks that are too small for a model, or lie nowhere, have none") {
  const auto small = make_layout(fields::grid(12, 10, 8), Association::node);
  CHECK(check_layer(*small, field(12, 10, 8, 0.1), 1e-2, kAutomatic).model.bytes == 0);
  const auto nowhere = make_layout(size_t{40 * 40 * 40});
  CHECK(check_layer(*nowhere, field(40, 40, 40, 0.1), 1e-3, kAutomatic).model.bytes == 0);
}

TEST_CASE("scattered points, rectilinear grids and exact blocks keep models too") {
  const auto xyz = fields::scatter(60000, 40, 30, 20);
  MeshView cloud;
  cloud.kind = MeshKind::points;
  cloud.points = {xyz.data(), Dtype::f32, xyz.size(), 1};
  std::vector<float> at;
  for (size_t i = 0; i < xyz.size(); i += 3)
    at.push_back(float(fields::wave(xyz[i], xyz[i + 1], xyz[i + 2])));
  CHECK(check_layer(*make_layout(cloud, Association::node), at, 1e-4, kAutomatic).model.bytes > 0);

  std::vector<double> axis[3];
  MeshView graded = fields::grid(48, 40, 32);
  graded.kind = MeshKind::rectilinear;
  for (int k = 0; k < 3; k++) {
    for (uint32_t i = 0; i < graded.dims[k]; i++) axis[k].push_back(i + 0.01 * i * i);
    graded.axis[k] = {axis[k].data(), Dtype::f64, axis[k].size(), 1};
  }
  CHECK(check_layer(*make_layout(graded, Association::node), field(48, 40, 32, 0.02), 1e-3, kAutomatic)
            .model.bytes > 0);
  const auto uniform = make_layout(fields::grid(48, 40, 32), Association::node);
  const auto exact = check_layer(*uniform, field(48, 40, 32, 0.02), 0, kAutomatic);
  CHECK(exact.bound == 0);
  CHECK(exact.model.bytes > 0);
}

TEST_CASE("models of the automatic size are trained, in a chain of steps from the one before") {
  const auto layout = make_layout(fields::grid(64, 64, 48), Association::node);
  const auto first = check_layer(*layout, field(64, 64, 48, 0.02), 1e-3, kAutomatic);
  REQUIRE(first.model.bytes > 0);
  CHECK(first.model.psnr > 20);  // 14.3 dB as it is initialised, before any training
  const auto model = model_of(first.payload);
  const auto next = check_layer(*layout, field(64, 64, 48, 0.02, 0.05), 1e-3, {-1, model});
  CHECK(next.model.warm);
  CHECK(next.model.psnr > 20);
  CHECK(next.model.iterations < first.model.iterations);
}

TEST_CASE("payloads and decoded values are the same bits on every instruction set and thread count") {
  const auto layout = make_layout(fields::grid(48, 40, 36), Association::node);
  const auto values = field(48, 40, 36, 0.004);
  check_same_bits_everywhere([&] {
    const auto coded = encode_bounded(*layout, fields::view(values), {-1, 3e-4}, {}, {}, kAutomatic);
    CHECK(coded.model.bytes > 0);
    std::vector<float> out(coded.payload.begin(), coded.payload.end());
    const auto decoded = decode_bounded(*layout, Dtype::f32, coded.payload, {});
    const auto& v = std::get<Array<float>>(decoded.values());
    out.insert(out.end(), v.begin(), v.end());
    return out;
  });
}

TEST_CASE("damage to the model is found, and one of another mesh is refused") {
  const auto layout = make_layout(fields::grid(64, 64, 64), Association::node);
  const auto values = field(64, 64, 64, 0.003);
  const auto coded = encode_bounded(*layout, fields::view(values), {-1, 1e-2}, {}, {}, kAutomatic);
  REQUIRE(coded.model.bytes > 0);
  const auto model = model_of(coded.payload);
  const auto begin = size_t(model.data() - coded.payload.data());
  for (const size_t at : {size_t{0}, size_t{5}, model.size() / 2, model.size() - 1}) {
    auto bytes = coded.payload;
    bytes[begin + at] ^= 0x10;
    CHECK_THROWS_AS(decode_bounded(*layout, Dtype::f32, bytes, {}), Error);
  }
  const std::vector<uint8_t> cut(coded.payload.begin(), coded.payload.begin() + std::ptrdiff_t(begin + 20));
  CHECK_THROWS_AS(model_of(cut), Error);
  MeshView moved = fields::grid(64, 64, 64);
  moved.spacing = {2, 2, 2};
  CHECK_THROWS_AS(decode_layer<float>(*make_layout(moved, Association::node), model), Error);
}

TEST_CASE("real data: never more than 3 % larger") {
  const std::string folder = fields::data_folder();
  if (folder.empty()) return;
  const auto values = fields::read_f32(folder + "dns_decay/u_003.f32");
  const auto layout = make_layout(fields::grid(128, 128, 64), Association::node);
  for (const double rel : {1e-1, 1e-2, 1e-3}) check_layer(*layout, values, rel, kAutomatic);
}
