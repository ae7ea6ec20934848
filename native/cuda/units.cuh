// The units that one Gaussian reaches, shared out over the warps of a block.
#pragma once
#include "pair.cuh"

namespace gaussitu::cuda {

/// Calls body(unit, parts) once for each unit that Gaussian i (of parameters g) can reach, from a whole warp;
/// bit p of `parts` says whether part p is reached. Which warp, and in which order, depends on the lists
/// alone. All threads of a block of kThreads take part.
template <bool kColumns, class Body>
__device__ __forceinline__ void for_units(const Gaussian& g, uint32_t i, const SamplesView& s,
                                          const ListsView& tiles, const Body& body) {
  constexpr uint32_t kPerTile = kColumns ? 8 : 4;  // at most
  GAUSSITU_SHARED(uint32_t, reached, kThreads);
  GAUSSITU_SHARED(uint32_t, counts, kWarps);
  const uint32_t warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const uint32_t begin = tiles.starts[i], candidates = (tiles.starts[i + 1] - begin) * kPerTile;
  for (uint32_t base = 0; base < candidates; base += kThreads) {
    const uint32_t c = base + threadIdx.x;
    uint32_t unit = 0, parts = 0;
    if (c < candidates) {
      const uint32_t tile = tiles.items[begin + c / kPerTile];
      unit = s.tile_units[tile] + c % kPerTile;
      if (unit < s.tile_units[tile + 1])
        for (unsigned p = 0; p < kParts; p++)
          parts |= static_cast<uint32_t>(reaches(g, s.boxes[unit * kParts + p])) << p;
    }
    const unsigned hits = __ballot_sync(kFull, parts != 0);
    if (lane == 0) counts[warp] = static_cast<uint32_t>(__popc(hits));
    __syncthreads();
    uint32_t before = 0, total = 0;
    for (uint32_t w = 0; w < kWarps; w++) {
      if (w < warp) before += counts[w];
      total += counts[w];
    }
    if (parts != 0)
      reached[before + static_cast<uint32_t>(__popc(hits & ((1u << lane) - 1)))] = unit << kParts | parts;
    __syncthreads();
    for (uint32_t k = warp; k < total; k += kWarps)
      body(s.units[reached[k] >> kParts], reached[k] & ((1u << kParts) - 1));
    __syncthreads();
  }
}

}  // namespace gaussitu::cuda
