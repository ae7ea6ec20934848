// One Gaussian's own least-squares problem, linearised in its own frame (docs/model.md): ten parameters in
// sigma units, so that step limits and damping mean the same for every size and shape.
#pragma once
#include "model/model.hpp"
#include "train/newton_system.hpp"

namespace gaussitu {

/// Order of parameters: shift s0 s1 s2, shape S00 S01 S02 S11 S12 S22, value.
using NormalEquations = NewtonSystem<double>;

/// `sheared`: the moments come from columns of grids, in (u0, t1, t2) instead of (t0, t1, t2).
NormalEquations normal_equations(const Moments& m, const Model& model, size_t i, bool sheared);

/// b1 and b2 of Gaussian i: t0 = u0 + b1 t1 + b2 t2.
struct Shear {
  double b1, b2;
};
Shear shear_of(const Model& model, size_t i);

/// Solves (H + damping diag H + floor) x = g by Cholesky; x = 0 when the system is not positive definite.
void solve(const NormalEquations& n, double damping, const double floor[kParameters], double x[kParameters]);

/// mu <- mu + A^-1 s, A <- (I + S) A, v <- v + dv; A's diagonal stays positive.
void apply_step(Model& model, size_t i, const double step[kParameters]);

}  // namespace gaussitu
