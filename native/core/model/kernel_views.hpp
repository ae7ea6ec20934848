// What the kernels see of a model and of a tile: raw pointers, so that nothing of the standard library is
// compiled for an instruction set that the processor may lack.
#pragma once
#include <cstdint>

namespace gaussitu {

struct GaussianView {
  const float* mu[3];
  const float* a[6];  // a00 a01 a02 a11 a12 a22
  const float* v;
};

struct TileView {
  const float *x, *y, *z;  // [count] model units
  uint32_t begin, count;   // first sample in the set's arrays; a multiple of 16
  bool rows;               // see SampleSet::rows: then the corner and ny say everything
  float corner[3];         // rows: position of the first lane of the first row
  uint32_t ny;             // rows: rows per plane, at most 16; planes = count / 16 / ny
};

}  // namespace gaussitu
