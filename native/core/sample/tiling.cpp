#include "sample/tiling.hpp"

#include <algorithm>
#include <numeric>

#include "base/thread_pool.hpp"
#include "sample/tile_limits.hpp"

namespace gaussitu {
namespace {

using Points = std::array<std::vector<float>, 3>;
using Order = std::vector<uint32_t>;

// Every sample is written once: new elements are as they are in memory (base/array.hpp).
void allocate(SampleSet& s, size_t padded) {
  for (auto* v : {&s.x, &s.y, &s.z, &s.value, &s.weight}) *v = Array<float>(padded);
  s.source = Array<uint32_t>(padded);
}

uint64_t morton(uint32_t x, uint32_t y, uint32_t z) {
  uint64_t key = 0;
  for (int b = 20; b >= 0; b--) key = key << 3 | (z >> b & 1u) << 2 | (y >> b & 1u) << 1 | (x >> b & 1u);
  return key;
}

// Halves [begin, end) across its longest side, in whole tiles or whole groups of 16.
size_t split(const Points& p, Order& order, size_t begin, size_t end) {
  int axis = 0;
  float longest = -1;
  for (int k = 0; k < 3; k++) {
    float lo = p[k][order[begin]], hi = lo;
    for (size_t i = begin; i < end; i++) {
      lo = std::min(lo, p[k][order[i]]);
      hi = std::max(hi, p[k][order[i]]);
    }
    if (hi - lo > longest) {
      longest = hi - lo;
      axis = k;
    }
  }
  const size_t unit = end - begin > kScatteredTileSamples ? kScatteredTileSamples : 16;
  const size_t units = (end - begin + unit - 1) / unit, middle = begin + units / 2 * unit;
  const auto& c = p[axis];
  std::nth_element(order.begin() + begin, order.begin() + middle, order.begin() + end,
                   [&](uint32_t a, uint32_t b) { return c[a] < c[b] || (c[a] == c[b] && a < b); });
  return middle;
}

void sort_tree(const Points& p, Order& order, size_t begin, size_t end) {
  if (end - begin <= 16) {
    std::sort(order.begin() + begin, order.begin() + end);
    return;
  }
  const size_t middle = split(p, order, begin, end);
  sort_tree(p, order, begin, middle);
  sort_tree(p, order, middle, end);
}

// The order of a k-d tree's leaves: near in the order is near in space, on every scale.
Order tree_order(const Points& p) {
  Order order(p[0].size());
  std::iota(order.begin(), order.end(), 0u);
  std::vector<std::pair<size_t, size_t>> parts{{0, order.size()}};
  while (parts.size() < 64 && order.size() > 16 * kScatteredTileSamples) {
    std::vector<std::pair<size_t, size_t>> halves(2 * parts.size());
    parallel_for(parts.size(), [&](size_t i) {
      const size_t middle = split(p, order, parts[i].first, parts[i].second);
      halves[2 * i] = {parts[i].first, middle};
      halves[2 * i + 1] = {middle, parts[i].second};
    });
    parts = std::move(halves);
  }
  parallel_for(parts.size(), [&](size_t i) { sort_tree(p, order, parts[i].first, parts[i].second); });
  return order;
}

size_t up(size_t n, size_t unit) {
  return (n + unit - 1) / unit * unit;
}

double padding(const std::array<size_t, 3>& dims, uint32_t lanes_y) {
  return static_cast<double>(up(dims[1], lanes_y) * up(dims[2], 16 / lanes_y)) /
         static_cast<double>(dims[1] * dims[2]);
}

// Square patches are reached as a whole most often; flat grids have no room for them.
uint32_t best_lanes_y(const std::array<size_t, 3>& dims) {
  uint32_t best = 4;
  for (const uint32_t lanes : {16u, 1u})
    if (padding(dims, lanes) < 0.7 * padding(dims, best)) best = lanes;
  return best;
}

// The box of each sixteen samples, and room for kernels to read sixteen boxes at once.
void find_boxes(SampleSet& s) {
  const size_t groups = s.x.size() / 16;
  for (auto& b : s.boxes) b.assign(groups + 16, 0.0f);
  const Array<float>* axes[3] = {&s.x, &s.y, &s.z};
  parallel_for(s.tiles.size(), [&](size_t t) {
    for (uint32_t g = s.tiles[t].begin / 16; g < (s.tiles[t].begin + s.tiles[t].count) / 16; g++)
      for (int k = 0; k < 3; k++) {
        const auto [lo, hi] = std::minmax_element(axes[k]->begin() + 16 * g, axes[k]->begin() + 16 * g + 16);
        s.boxes[k][g] = 0.5f * (*lo + *hi);
        s.boxes[3 + k][g] = std::max(*hi - s.boxes[k][g], s.boxes[k][g] - *lo);
      }
  });
}

// Places of a tile's samples, in the order in which they lie in memory; `source` is that of the first one.
// Padding lanes have a place beside the others, and weight 0.
void fill_columns(SampleSet& out, const Tile& tile, const std::array<size_t, 3>& dims, size_t source) {
  const uint32_t lanes_z = 16 / out.lanes_y;
  uint32_t s = tile.begin;
  for (uint32_t z = 0; z < tile.n[2]; z += lanes_z)
    for (uint32_t y = 0; y < tile.n[1]; y += out.lanes_y) {
      float at_y[16], at_z[16], weight[16];
      uint32_t from[16];
      for (uint32_t lane = 0; lane < 16; lane++) {
        const uint32_t j = y + lane % out.lanes_y, k = z + lane / out.lanes_y;
        const bool inside = j < tile.n[1] && k < tile.n[2];
        at_y[lane] = tile.lo[1] + static_cast<float>(j);
        at_z[lane] = tile.lo[2] + static_cast<float>(k);
        weight[lane] = inside ? 1.0f : 0.0f;
        from[lane] = inside ? static_cast<uint32_t>(source + (k * dims[1] + j) * dims[0]) : kNoSource;
      }
      for (uint32_t i = 0; i < tile.n[0]; i++, s += 16) {
        const float x = tile.lo[0] + static_cast<float>(i);
        for (uint32_t lane = 0; lane < 16; lane++) {
          out.x[s + lane] = x;
          out.y[s + lane] = at_y[lane];
          out.z[s + lane] = at_z[lane];
          out.value[s + lane] = 0;
          out.weight[s + lane] = weight[lane];
          out.source[s + lane] = from[lane] == kNoSource ? kNoSource : from[lane] + i;
        }
      }
    }
}

}  // namespace

double column_padding(const std::array<size_t, 3>& dims) {
  return padding(dims, best_lanes_y(dims));
}

void tile_columns(const std::array<size_t, 3>& dims, const std::array<double, 3>& first, SampleSet& out) {
  const uint32_t lanes_y = best_lanes_y(dims), lanes_z = 16 / lanes_y;
  const size_t size[3] = {kColumnSteps, kColumnsAcross * lanes_y, kColumnsAcross * lanes_z};
  out.columns = true;
  out.lanes_y = lanes_y;
  std::vector<std::array<uint32_t, 3>> blocks;
  for (uint32_t k = 0; k * size[2] < dims[2]; k++)
    for (uint32_t j = 0; j * size[1] < dims[1]; j++)
      for (uint32_t i = 0; i * size[0] < dims[0]; i++) blocks.push_back({i, j, k});
  std::sort(blocks.begin(), blocks.end(),
            [](const auto& a, const auto& b) { return morton(a[0], a[1], a[2]) < morton(b[0], b[1], b[2]); });
  size_t padded = 0;
  for (const auto& b : blocks) {
    Tile tile;
    for (int k = 0; k < 3; k++) {
      tile.n[k] = static_cast<uint32_t>(std::min(size[k], dims[k] - b[k] * size[k]));
      tile.lo[k] = static_cast<float>(first[k] + static_cast<double>(b[k] * size[k]));
      tile.hi[k] = tile.lo[k] + static_cast<float>(tile.n[k] - 1);
    }
    tile.begin = static_cast<uint32_t>(padded);
    tile.count = static_cast<uint32_t>(tile.n[0] * up(tile.n[1], lanes_y) * up(tile.n[2], lanes_z));
    padded += tile.count;
    out.tiles.push_back(tile);
  }
  allocate(out, padded);
  parallel_for(blocks.size(), [&](size_t t) {
    const auto& b = blocks[t];
    fill_columns(out, out.tiles[t], dims,
                 (b[2] * size[2] * dims[1] + b[1] * size[1]) * dims[0] + b[0] * size[0]);
  });
}

void tile_scattered(const std::array<std::vector<float>, 3>& points, SampleSet& out) {
  const size_t n = points[0].size(), padded = (n + 15) / 16 * 16;
  allocate(out, padded);
  if (n == 0) return;
  const Order order = tree_order(points);
  for (size_t begin = 0; begin < padded; begin += kScatteredTileSamples) {
    Tile tile;
    tile.begin = static_cast<uint32_t>(begin);
    tile.count = static_cast<uint32_t>(std::min<size_t>(kScatteredTileSamples, padded - begin));
    out.tiles.push_back(tile);
  }
  Array<float>* axes[3] = {&out.x, &out.y, &out.z};
  parallel_for(out.tiles.size(), [&](size_t t) {
    Tile& tile = out.tiles[t];
    for (size_t s = tile.begin; s < tile.begin + tile.count; s++) {
      const uint32_t from = order[std::min(s, n - 1)];  // padding repeats the last point, with weight 0
      for (int k = 0; k < 3; k++) {
        const float c = points[k][from];
        (*axes[k])[s] = c;
        tile.lo[k] = s == tile.begin ? c : std::min(tile.lo[k], c);
        tile.hi[k] = s == tile.begin ? c : std::max(tile.hi[k], c);
      }
      out.value[s] = 0;
      out.weight[s] = s < n ? 1.0f : 0.0f;
      out.source[s] = s < n ? from : kNoSource;
    }
  });
  find_boxes(out);
}

}  // namespace gaussitu
