#include <algorithm>
#include <limits>

#include "samples.hpp"

namespace gaussitu::cuda {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Extent {
  float lo[3] = {kInfinity, kInfinity, kInfinity}, hi[3] = {-kInfinity, -kInfinity, -kInfinity};
  void add(const SampleSet& s, size_t k) {
    const float c[3] = {s.x[k], s.y[k], s.z[k]};
    for (int d = 0; d < 3; d++) {
      lo[d] = std::min(lo[d], c[d]);
      hi[d] = std::max(hi[d], c[d]);
    }
  }
  Box box() const {
    Box b;
    for (int d = 0; d < 3; d++) {
      b.centre[d] = lo[d] <= hi[d] ? 0.5f * (lo[d] + hi[d]) : 0.0f;
      b.half[d] = lo[d] <= hi[d] ? std::max(hi[d] - b.centre[d], b.centre[d] - lo[d]) : -1e30f;
    }
    return b;
  }
};

struct Cut {
  std::vector<Unit> units;
  std::vector<Box> boxes;
  std::vector<uint32_t> tile_units;

  void add(const Unit& unit, const Extent (&parts)[kParts]) {
    units.push_back(unit);
    for (const Extent& e : parts) boxes.push_back(e.box());
  }

  // Blocks take kWarps units of one tile.
  void fill_up(uint32_t tile) {
    while (units.size() % kWarps != 0) add({tile, 0, 0, 0, 0}, {});
  }
};

Cut cut(const SampleSet& s, const std::vector<Piece>& pieces) {
  Cut out;
  for (uint32_t t = 0; t < pieces.size(); t++) {
    const Piece& piece = pieces[t];
    out.tile_units.push_back(static_cast<uint32_t>(out.units.size()));
    const uint32_t steps = s.columns ? piece.steps : 0, column = 16 * steps,
                   unit_samples = s.columns ? 2 * column : kWarp * kParts;
    for (uint32_t done = 0; done < piece.count; done += unit_samples) {
      const uint32_t count = std::min(unit_samples, piece.count - done),
                     begin = piece.begin + (s.columns ? done / column * piece.stride : done);
      Extent parts[kParts];
      for (uint32_t k = 0; k < count; k++)
        if (s.columns)
          parts[k / 16 % steps / kParts].add(s, begin + k / column * piece.stride + k % column);
        else
          parts[k / kWarp].add(s, begin + k);
      out.add({t, begin, steps, s.columns ? count / steps : count, piece.stride}, parts);
    }
    out.fill_up(t);
  }
  out.tile_units.push_back(static_cast<uint32_t>(out.units.size()));
  return out;
}

// Lower corners, then upper ones: of tiles, or of 32 tiles each.
std::vector<float4> corners(const std::vector<Piece>& pieces, size_t each) {
  const size_t n = (pieces.size() + each - 1) / each;
  std::vector<float4> out(2 * n);
  for (size_t i = 0; i < n; i++) {
    float4 lo = make_float4(kInfinity, kInfinity, kInfinity, 0),
           hi = make_float4(-kInfinity, -kInfinity, -kInfinity, 0);
    for (size_t t = i * each; t < std::min(pieces.size(), (i + 1) * each); t++) {
      const Piece& p = pieces[t];
      lo = make_float4(std::min(lo.x, p.lo[0]), std::min(lo.y, p.lo[1]), std::min(lo.z, p.lo[2]), 0);
      hi = make_float4(std::max(hi.x, p.hi[0]), std::max(hi.y, p.hi[1]), std::max(hi.z, p.hi[2]), 0);
    }
    out[i] = lo;
    out[n + i] = hi;
  }
  return out;
}

}  // namespace

std::vector<Piece> pieces(const SampleSet& s) {
  std::vector<Piece> out;
  for (const Tile& tile : s.tiles) {
    const uint32_t length = s.columns ? tile.n[0] : 1;
    for (uint32_t x = 0; x < length; x += kUnitSteps) {
      Piece& p = out.emplace_back();
      p.begin = tile.begin + 16 * x;
      p.steps = std::min(kUnitSteps, length - x);
      p.count = tile.count / length * p.steps;
      p.stride = 16 * length;
      std::copy(tile.lo, tile.lo + 3, p.lo);
      std::copy(tile.hi, tile.hi + 3, p.hi);
      if (!s.columns) continue;
      p.lo[0] += static_cast<float>(x);
      p.hi[0] = p.lo[0] + static_cast<float>(p.steps - 1);
    }
  }
  return out;
}

DeviceSamples::DeviceSamples(const SampleSet& s, Memory& memory, Stream& stream)
    : columns_(s.columns),
      x_(memory),
      y_(memory),
      z_(memory),
      value_(memory),
      weight_(memory),
      units_(memory),
      boxes_(memory),
      tile_boxes_(memory),
      group_boxes_(memory),
      tile_units_(memory) {
  const size_t n = s.x.size();
  x_.upload(stream, s.x.data(), n);
  y_.upload(stream, s.y.data(), n);
  z_.upload(stream, s.z.data(), n);
  value_.upload(stream, s.value.data(), n);
  weight_.upload(stream, s.weight.data(), n);
  const std::vector<Piece> tiles = pieces(s);
  tiles_ = tiles.size();
  const Cut c = cut(s, tiles);
  units_.upload(stream, c.units.data(), c.units.size());
  boxes_.upload(stream, c.boxes.data(), c.boxes.size());
  tile_units_.upload(stream, c.tile_units.data(), c.tile_units.size());
  const auto boxes = corners(tiles, 1), groups = corners(tiles, kWarp);
  tile_boxes_.upload(stream, boxes.data(), boxes.size());
  group_boxes_.upload(stream, groups.data(), groups.size());
}

SamplesView DeviceSamples::view() const {
  SamplesView v;
  v.x = x_.data();
  v.y = y_.data();
  v.z = z_.data();
  v.value = value_.data();
  v.weight = weight_.data();
  v.units = units_.data();
  v.boxes = boxes_.data();
  v.padded = static_cast<uint32_t>(x_.size());
  v.unit_count = static_cast<uint32_t>(units_.size());
  v.tile_count = static_cast<uint32_t>(tiles_);
  v.tile_lo = tile_boxes_.data();
  v.tile_hi = tile_boxes_.data() + tiles_;
  v.group_lo = group_boxes_.data();
  v.group_hi = group_boxes_.data() + group_boxes_.size() / 2;
  v.tile_units = tile_units_.data();
  return v;
}

void DeviceModel::upload(const Model& m, Stream& stream) {
  const size_t n = m.count();
  std::vector<float4> centre(n), shape(n);
  std::vector<float2> rest(n);
  for (size_t i = 0; i < n; i++) {
    centre[i] = make_float4(m.mu[0][i], m.mu[1][i], m.mu[2][i], m.v[i]);
    shape[i] = make_float4(m.a[0][i], m.a[1][i], m.a[2][i], m.a[3][i]);
    rest[i] = make_float2(m.a[4][i], m.a[5][i]);
  }
  centre_.upload(stream, centre.data(), n);
  shape_.upload(stream, shape.data(), n);
  rest_.upload(stream, rest.data(), n);
}

void DeviceModel::download(Model& m, Stream& stream) const {
  const auto centre = centre_.download(stream), shape = shape_.download(stream);
  const auto rest = rest_.download(stream);
  m.resize(centre.size());
  for (size_t i = 0; i < centre.size(); i++) {
    m.mu[0][i] = centre[i].x;
    m.mu[1][i] = centre[i].y;
    m.mu[2][i] = centre[i].z;
    m.v[i] = centre[i].w;
    m.a[0][i] = shape[i].x;
    m.a[1][i] = shape[i].y;
    m.a[2][i] = shape[i].z;
    m.a[3][i] = shape[i].w;
    m.a[4][i] = rest[i].x;
    m.a[5][i] = rest[i].y;
  }
}

}  // namespace gaussitu::cuda
