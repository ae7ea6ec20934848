// Sizes of tiles: small enough that a tile's sums stay in the first-level cache.
#pragma once
#include <cstdint>

namespace gaussitu {

inline constexpr uint32_t kColumnSteps = 16;   // samples of a column along x
inline constexpr uint32_t kColumnsAcross = 4;  // columns of a tile along y and along z
inline constexpr uint32_t kTileSamples = 16 * kColumnSteps * kColumnsAcross * kColumnsAcross;  // the most
inline constexpr uint32_t kScatteredTileSamples = 512;  // tiles of scattered samples

}  // namespace gaussitu
