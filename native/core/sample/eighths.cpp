#include "sample/eighths.hpp"

#include <numeric>

#include "base/thread_pool.hpp"
#include "sample/tile_limits.hpp"
#include "sample/tiling.hpp"

namespace gaussitu {

Eighths::Eighths(const SampleSet& grid) : grid_(grid) {
  std::array<size_t, 3> half;
  const size_t size[3] = {kColumnSteps, kColumnsAcross * grid.lanes_y, kColumnsAcross * 16 / grid.lanes_y};
  for (int k = 0; k < 3; k++) {
    dims_[k] = static_cast<size_t>(grid.domain.extent[k]) + 1;
    half[k] = (dims_[k] + 1) / 2;
    block_[k] = size[k];
    blocks_[k] = (dims_[k] + size[k] - 1) / size[k];
  }
  tiles_.resize(blocks_[0] * blocks_[1] * blocks_[2]);
  for (uint32_t t = 0; t < grid.tiles.size(); t++) {
    size_t at[3];
    for (int k = 0; k < 3; k++) at[k] = static_cast<size_t>(grid.tiles[t].lo[k]) / block_[k];
    tiles_[(at[2] * blocks_[1] + at[1]) * blocks_[0] + at[0]] = t;
  }
  part_.domain = grid.domain;
  for (int k = 0; k < 3; k++) {
    part_.domain.scale[k] /= 2;
    part_.domain.extent[k] /= 2;
  }
  part_.value_min = grid.value_min;
  part_.value_range = grid.value_range;
  part_.mean = grid.mean;
  part_.total = half[0] * half[1] * half[2];
  tile_columns(half, {0, 0, 0}, part_);
  // Lists of tiles have to hold for every corner.
  for (Tile& tile : part_.tiles)
    for (float& hi : tile.hi) hi += 0.5f;
  finite_.resize(part_.tiles.size());
  select(0);
}

void Eighths::select(unsigned corner) {
  const size_t from[3] = {corner & 1, corner >> 1 & 1, corner >> 2 & 1};
  for (int k = 0; k < 3; k++) part_.shift[k] = 0.5f * static_cast<float>(from[k]);
  parallel_for(part_.tiles.size(), [&](size_t t) {
    Tile& tile = part_.tiles[t];
    uint32_t finite = 0;
    for (uint32_t k = 0; k < tile.n[2]; k++)
      for (uint32_t j = 0; j < tile.n[1]; j++) {
        const size_t y = 2 * (static_cast<size_t>(tile.lo[1]) + j) + from[1],
                     z = 2 * (static_cast<size_t>(tile.lo[2]) + k) + from[2];
        uint32_t to = part_.at(tile, 0, j, k);
        size_t x = 2 * static_cast<size_t>(tile.lo[0]) + from[0];
        const bool row = y < dims_[1] && z < dims_[2];
        for (uint32_t i = 0; i < tile.n[0];) {
          if (!row || x >= dims_[0]) {
            part_.value[to] = part_.weight[to] = 0;
            i++, to += 16;
            continue;
          }
          // As far as the grid's tile goes: steps along x are sixteen samples apart.
          const Tile& source =
              grid_.tiles[tiles_[(z / block_[2] * blocks_[1] + y / block_[1]) * blocks_[0] + x / block_[0]]];
          uint32_t inner = static_cast<uint32_t>(x % block_[0]);
          uint32_t here = grid_.at(source, inner, static_cast<uint32_t>(y % block_[1]),
                                   static_cast<uint32_t>(z % block_[2]));
          for (; inner < source.n[0] && i < tile.n[0]; inner += 2, here += 32, i++, x += 2, to += 16) {
            const float weight = source.whole ? 1.0f : grid_.weight[here];
            part_.value[to] = grid_.value[here];
            part_.weight[to] = weight;
            finite += weight > 0;
          }
        }
      }
    finite_[t] = finite;
    tile.whole = finite == tile.count;
  });
  part_.finite = part_.measured = std::accumulate(finite_.begin(), finite_.end(), size_t{0});
}

void Eighths::stretch(Model& model, float factor) {
  for (int k = 0; k < 3; k++) {
    model.domain.scale[k] *= double{factor};
    model.domain.extent[k] *= double{factor};
    for (float& mu : model.mu[k]) mu *= factor;
  }
  for (auto& a : model.a)
    for (float& x : a) x /= factor;
}

}  // namespace gaussitu
