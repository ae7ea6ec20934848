// Sizes of tiles: small enough that a tile's sums (256 kB) stay in the second-level cache, long enough that
// few columns of a Gaussian are cut: what a kernel does once per column costs as much as four of its steps.
#pragma once
#include <cstdint>

namespace gaussitu {

inline constexpr uint32_t kColumnSteps = 128;  // samples of a column along x
inline constexpr uint32_t kColumnsAcross = 4;  // columns of a tile along y and along z
inline constexpr uint32_t kTileSamples = 16 * kColumnSteps * kColumnsAcross * kColumnsAcross;  // the most
inline constexpr uint32_t kScatteredTileSamples = 512;  // tiles of scattered samples

}  // namespace gaussitu
