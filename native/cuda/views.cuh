// What kernels see of a model and of samples: pointers to device memory, structure of arrays.
#pragma once
#include <cstdint>

#include "launch.hpp"

namespace gaussitu::cuda {

inline constexpr unsigned kWarp = 32, kFull = 0xffffffffu;
inline constexpr unsigned kWarps = 4, kThreads = kWarps * kWarp;  // of the blocks that work on units
inline constexpr unsigned kParts = 4;
inline constexpr uint32_t kUnitSteps = 16;  // of columns: four to a part

/// Gaussians [count]; as vectors, because forward and backward passes read whole ones.
struct ModelView {
  float4* centre;  // mu0 mu1 mu2 v
  float4* shape;   // a00 a01 a02 a11
  float2* rest;    // a12 a22
  uint32_t count;
};

/// What one warp works on at a time, in four parts with a box each.
/// Columns: 32 columns along x, that is two of the tile's patches of 16; lane l has column l, a part has four
/// steps. Scattered: 128 samples in a row; a part has 32, one per lane.
struct Unit {
  uint32_t tile;
  uint32_t begin;   // first sample
  uint32_t steps;   // columns: samples along x, at most kUnitSteps; scattered: not used
  uint32_t lanes;   // columns: lanes with a column, 32, 16 or 0; scattered: samples, a multiple of 16
  uint32_t stride;  // columns: samples from the first patch to the second
};

struct Box {
  float centre[3], half[3];  // half < 0: nothing in it
};

struct SamplesView {
  const float *x, *y, *z, *value, *weight;  // [padded]
  const Unit* units;                        // a multiple of kWarps for each tile
  const Box* boxes;                         // [units, kParts]
  uint32_t padded, unit_count, tile_count;
  const float4 *tile_lo, *tile_hi;    // [tiles] bounding boxes
  const float4 *group_lo, *group_hi;  // [tiles / 32] of 32 tiles each
  const uint32_t* tile_units;         // [tiles + 1] first unit of each tile
};

/// Which Gaussians reach which tiles, in compressed rows.
struct ListsView {
  const uint32_t *starts, *items;
};

}  // namespace gaussitu::cuda
