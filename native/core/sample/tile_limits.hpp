// Sizes of tiles: small enough that a tile's sums stay in the first-level cache.
#pragma once
#include <cstdint>

namespace gaussitu {

inline constexpr uint32_t kRowsPerPlane = 16, kPlanes = 8;              // rows tiles: 16 x 16 x 8
inline constexpr uint32_t kTileSamples = 16 * kRowsPerPlane * kPlanes;  // the most that any tile holds
inline constexpr uint32_t kScatteredTileSamples = 512;                  // tiles of scattered samples

}  // namespace gaussitu
