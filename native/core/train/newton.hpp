// The step of Levenberg-Marquardt for eight Gaussians at once, compiled once per instruction set.
#pragma once
#include "train/newton_system.hpp"

namespace gaussitu {

inline constexpr int kNewtonLanes = 8;

struct NewtonBatch {
  float moments[kNewtonLanes][kMoments];
  double b1[kNewtonLanes], b2[kNewtonLanes];  // t0 = u0 + b1 t1 + b2 t2; not read unless sheared
  bool sheared;                               // moments are in (u0, t1, t2)
  double floor[kNewtonLanes];                 // of shifts and shapes
  double value_floor, damping;
  double x[kParameters][kNewtonLanes];  // out: as solve() of normal_equations.hpp
};

namespace scalar {
void newton(NewtonBatch& batch);
}
namespace avx2 {
void newton(NewtonBatch& batch);
}
namespace avx512 {
void newton(NewtonBatch& batch);
}

}  // namespace gaussitu
