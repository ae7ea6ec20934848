#include "train/normal_equations.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace gaussitu {
Shear shear_of(const Model& model, size_t i) {
  const double b1 = double{model.a[1][i]} / model.a[3][i];
  return {b1, (model.a[2][i] - b1 * model.a[4][i]) / model.a[5][i]};
}

NormalEquations normal_equations(const Moments& m, const Model& model, size_t i, bool sheared) {
  float sums[kMoments];
  std::memcpy(sums, &m, sizeof m);
  double at[kMoments];
  std::copy(sums, sums + kMoments, at);
  NormalEquations n;
  newton::fill(n, at);
  const Shear shear = shear_of(model, i);
  if (sheared) newton::unshear(n, shear.b1, shear.b2);
  return n;
}

void solve(const NormalEquations& n, double damping, const double floor[kParameters], double x[kParameters]) {
  newton::solve(n, damping, floor, x);
}

void apply_step(Model& m, size_t i, const double step[kParameters]) {
  const double a00 = m.a[0][i], a01 = m.a[1][i], a02 = m.a[2][i], a11 = m.a[3][i], a12 = m.a[4][i],
               a22 = m.a[5][i];
  const double dz = step[2] / a22, dy = (step[1] - a12 * dz) / a11,
               dx = (step[0] - a01 * dy - a02 * dz) / a00;
  m.mu[0][i] = static_cast<float>(m.mu[0][i] + dx);
  m.mu[1][i] = static_cast<float>(m.mu[1][i] + dy);
  m.mu[2][i] = static_cast<float>(m.mu[2][i] + dz);
  const double s00 = std::max(1 + step[3], 0.1), s01 = step[4], s02 = step[5],
               s11 = std::max(1 + step[6], 0.1), s12 = step[7], s22 = std::max(1 + step[8], 0.1);
  m.a[0][i] = static_cast<float>(s00 * a00);
  m.a[1][i] = static_cast<float>(s00 * a01 + s01 * a11);
  m.a[2][i] = static_cast<float>(s00 * a02 + s01 * a12 + s02 * a22);
  m.a[3][i] = static_cast<float>(s11 * a11);
  m.a[4][i] = static_cast<float>(s11 * a12 + s12 * a22);
  m.a[5][i] = static_cast<float>(s22 * a22);
  m.v[i] = static_cast<float>(m.v[i] + step[9]);
}

}  // namespace gaussitu
