#include <algorithm>
#include <cmath>

#include "densify.hpp"
#include "pair.cuh"

namespace gaussitu::cuda {
namespace {

constexpr uint32_t kNone = 0xffffffffu;

// A thread per group: a cube of `side` samples of a grid, or sixteen samples in a row. `most`: groups of a
// tile.
__global__ void __launch_bounds__(kThreads)
    find_worst(const TileShape* tiles, uint32_t tile_count, uint32_t most, uint32_t side, uint32_t lanes_y,
               const float* weight, const float* e, Place* out) {
  const uint32_t id = blockIdx.x * kThreads + threadIdx.x, t = id / most, group = id % most;
  if (t >= tile_count) return;
  const TileShape tile = tiles[t];
  Place p{0, -1, 0};
  const auto consider = [&](uint32_t at) {
    if (!(weight[at] > 0)) return;
    const float size = fabsf(e[at]);
    p.squared += double{size} * size;
    if (size > p.worst) {
      p.worst = size;
      p.sample = at;
    }
  };
  if (side == 0) {
    for (uint32_t k = group * 16; k < group * 16 + 16 && k < tile.count; k++) consider(tile.begin + k);
  } else {
    const uint32_t g0 = (tile.n[0] - 1) / side + 1, g1 = (tile.n[1] - 1) / side + 1;
    const uint32_t first[3] = {group % g0 * side, group / g0 % g1 * side, group / (g0 * g1) * side};
    uint32_t last[3];
    for (int d = 0; d < 3; d++) last[d] = first[d] + side < tile.n[d] ? first[d] + side : tile.n[d];
    const uint32_t lanes_z = 16 / lanes_y, across = (tile.n[1] + lanes_y - 1) / lanes_y;
    for (uint32_t k = first[2]; k < last[2]; k++)
      for (uint32_t j = first[1]; j < last[1]; j++)
        for (uint32_t i = first[0]; i < last[0]; i++)
          consider(tile.begin + ((k / lanes_z * across + j / lanes_y) * tile.n[0] + i) * 16 +
                   k % lanes_z * lanes_y + j % lanes_y);
  }
  out[id] = p;
}

// A warp per chosen sample: the Gaussian of the largest weight there, the first of equal ones; kNone where
// none reaches.
__global__ void __launch_bounds__(kThreads)
    find_strongest(ModelView m, SamplesView s, ListsView lists, const uint32_t* chosen,
                   const uint32_t* tile_of, uint32_t count, uint32_t* strongest) {
  const uint32_t c = blockIdx.x * kWarps + threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  if (c >= count) return;
  const float x = s.x[chosen[c]], y = s.y[chosen[c]], z = s.z[chosen[c]];
  float most = 0;
  uint32_t best = kNone;
  for (uint32_t k = lists.starts[tile_of[c]] + lane; k < lists.starts[tile_of[c] + 1]; k += kWarp) {
    const uint32_t i = lists.items[k];
    const Gaussian g = gaussian(m, i);
    const float dx = x - g.mu[0], dy = y - g.mu[1], dz = z - g.mu[2];
    const float t2 = g.a[5] * dz, t1 = g.a[3] * dy + g.a[4] * dz,
                t0 = g.a[0] * dx + g.a[1] * dy + g.a[2] * dz;
    const float w = 1 - (t0 * t0 + t1 * t1 + t2 * t2) / 8;
    if (w > most) {
      most = w;
      best = i;
    }
  }
  for (unsigned bit = kWarp / 2; bit > 0; bit /= 2) {
    const float w = __shfl_xor_sync(kFull, most, bit);
    const uint32_t i = __shfl_xor_sync(kFull, best, bit);
    if (w > most || (w == most && i < best)) {
      most = w;
      best = i;
    }
  }
  if (lane == 0) strongest[c] = best;
}

uint32_t tile_of(const SampleSet& s, uint32_t sample) {
  const auto after = std::upper_bound(s.tiles.begin(), s.tiles.end(), sample,
                                      [](uint32_t k, const Tile& t) { return k < t.begin; });
  return static_cast<uint32_t>(after - s.tiles.begin()) - 1;
}

uint32_t pieces_of(const SampleSet& s, const Tile& tile) {
  return s.columns ? (tile.n[0] - 1) / kUnitSteps + 1 : 1;
}

// A narrower copy of Gaussian `like`; where there is none a round one of the mean spacing.
void append(Model& m, const SampleSet& s, uint32_t sample, uint32_t like) {
  constexpr float kNarrower = 1.7f;
  const size_t n = m.count();
  m.resize(n + 1);
  m.mu[0][n] = s.x[sample];
  m.mu[1][n] = s.y[sample];
  m.mu[2][n] = s.z[sample];
  m.v[n] = s.value[sample];
  const float round = 1.7f / std::cbrt(static_cast<float>(s.finite) / static_cast<float>(n + 1));
  for (int k = 0; k < 6; k++)
    m.a[k][n] = like != kNone ? kNarrower * m.a[k][like] : (k == 0 || k == 3 || k == 5) * round;
}

}  // namespace

Densifier::Densifier(const SampleSet& samples, Memory& memory)
    : host_(samples),
      places_(memory),
      tiles_(memory),
      chosen_(memory),
      tile_of_(memory),
      strongest_(memory) {}

std::vector<Place> Densifier::worst_places(uint32_t side, const DeviceSamples& samples, const float* e,
                                           Stream& stream) {
  const SamplesView s = samples.view();
  if (tiles_.size() == 0) {
    std::vector<TileShape> shapes;
    uint32_t piece = 0;
    for (const Tile& t : host_.tiles) {
      shapes.push_back({t.begin, t.count, {t.n[0], t.n[1], t.n[2]}});
      first_piece_.push_back(piece);
      piece += pieces_of(host_, t);
    }
    tiles_.upload(stream, shapes.data(), shapes.size());
  }
  uint32_t most = 1;
  for (const Tile& t : host_.tiles)
    most = std::max(
        most, side == 0 ? t.count / 16
                        : ((t.n[0] - 1) / side + 1) * ((t.n[1] - 1) / side + 1) * ((t.n[2] - 1) / side + 1));
  const auto tiles = static_cast<uint32_t>(tiles_.size());
  const size_t all = size_t{most} * tiles;
  places_.resize(all);
  launch(find_worst, static_cast<unsigned>((all + kThreads - 1) / kThreads), kThreads, 0, stream,
         tiles_.data(), tiles, most, side, host_.lanes_y, s.weight, e, places_.data());
  std::vector<Place> found = places_.download(stream);
  std::erase_if(found, [](const Place& p) { return !(p.worst > 0); });
  return found;
}

size_t Densifier::add(Model& model, size_t wanted, const ModelView& on_device, const DeviceSamples& samples,
                      const DeviceReach& reach, const float* e, Stream& stream) {
  std::vector<Place> places;
  // Small enough groups that there are two for each new Gaussian, if the samples allow it.
  for (const uint32_t side : {8u, 4u, 2u, 1u}) {
    places = worst_places(host_.columns ? side : 0, samples, e, stream);
    if (places.size() >= 2 * wanted || !host_.columns) break;
  }
  if (places.empty()) return 0;
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.squared > b.squared; });
  places.resize(std::min(wanted, places.size()));
  // In the order of the tiles: near in the model is near in memory.
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.sample < b.sample; });

  const auto count = static_cast<uint32_t>(places.size());
  std::vector<uint32_t> chosen, tiles;
  for (const Place& p : places) {
    chosen.push_back(p.sample);
    const uint32_t t = tile_of(host_, p.sample);
    const Tile& tile = host_.tiles[t];
    tiles.push_back(first_piece_[t] +
                    (host_.columns ? (p.sample - tile.begin) / 16 % tile.n[0] / kUnitSteps : 0));
  }
  chosen_.upload(stream, chosen.data(), count);
  tile_of_.upload(stream, tiles.data(), count);
  strongest_.resize(count);
  launch(find_strongest, (count + kWarps - 1) / kWarps, kThreads, 0, stream, on_device, samples.view(),
         reach.gaussians(), chosen_.data(), tile_of_.data(), count, strongest_.data());
  const auto like = strongest_.download(stream);
  for (size_t c = 0; c < count; c++) append(model, host_, chosen[c], like[c]);
  return count;
}

}  // namespace gaussitu::cuda
