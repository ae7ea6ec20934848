// What the kernels see of a model and of a tile: raw pointers, so that nothing of the standard library is
// compiled for an instruction set that the processor may lack.
#pragma once
#include <cstdint>

namespace gaussitu {

/// A Gaussian as the kernels read it, a cache line.
struct alignas(64) Gaussian {
  float mu[3], a[6], v;  // a00 a01 a02 a11 a12 a22
  float width;           // 1 / (sqrt(2) a00)
  float shear[2];        // a01 / a00, a02 / a00
  float bend[2];         // (t1^2 + t2^2) / 2 >= bend[0] y^2 + bend[1] z^2 at (y, z) from the centre
  float room;            // half of d2 at the end of the support, and what rounding can add (reach.cpp)
};

struct TileView {
  const float *x, *y, *z;     // [count] model units
  uint32_t begin, count;      // first sample in the set's arrays; a multiple of 16
  bool whole;                 // all weights are 1
  bool columns;               // see SampleSet::columns: then the rest but the boxes says everything
  float corner[3];            // position of the first sample
  uint32_t steps;             // samples of a column, along x
  uint32_t across[2];         // columns along y and z, at most 4
  uint32_t all;               // bit y + 4 z of every column
  uint32_t lanes_y, lanes_z;  // lanes of a column along y and z: 4 x 4, 16 x 1 or 1 x 16
  const float* boxes[6];      // scattered: [count / 16] centres and half sizes of the groups' boxes
};

}  // namespace gaussitu
