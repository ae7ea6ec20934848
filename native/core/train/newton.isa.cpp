namespace gaussitu::newton {
// Eight doubles with one meaning on every instruction set.
using f64x8 __attribute__((vector_size(64))) = double;
inline __attribute__((always_inline)) void take_root(f64x8& s) {
  for (int i = 0; i < 8; i++) s[i] = __builtin_sqrt(s[i]);
}
}  // namespace gaussitu::newton

#include "train/newton.hpp"

namespace gaussitu::GAUSSITU_ISA {

void newton(NewtonBatch& batch) {
  using gaussitu::newton::f64x8;
  const auto read = [](const double* from, f64x8& v) {
    for (int i = 0; i < kNewtonLanes; i++) v[i] = from[i];
  };
  f64x8 at[kMoments];
  for (int k = 0; k < kMoments; k++)
    for (int i = 0; i < kNewtonLanes; i++) at[k][i] = batch.moments[i][k];
  NewtonSystem<f64x8> n;
  gaussitu::newton::fill(n, at);
  if (batch.sheared) {
    f64x8 b1, b2;
    read(batch.b1, b1);
    read(batch.b2, b2);
    gaussitu::newton::unshear(n, b1, b2);
  }
  f64x8 floor[kParameters], x[kParameters];
  for (int a = 0; a < 9; a++) read(batch.floor, floor[a]);
  floor[9] = f64x8{} + batch.value_floor;
  gaussitu::newton::solve(n, batch.damping, floor, x);
  for (int a = 0; a < kParameters; a++)
    for (int i = 0; i < kNewtonLanes; i++) batch.x[a][i] = x[a][i];
}

}  // namespace gaussitu::GAUSSITU_ISA
