#include "train/normal_equations.hpp"

#include <algorithm>
#include <cmath>

namespace gaussitu {
namespace {

// Powers of t0, t1, t2 in the Jacobian of each shift and shape parameter; shapes have the sign -1.
constexpr int kPower[9][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {2, 0, 0}, {1, 1, 0},
                              {1, 0, 1}, {0, 2, 0}, {0, 1, 1}, {0, 0, 2}};
constexpr double sign(int p) {
  return p < 3 ? 1 : -1;
}

// The Jacobian in t is a linear combination of the one in u: t0 = u0 + b1 t1 + b2 t2, hence for its squares.
struct Combination {
  int to, from;
  int p1, p2;  // powers of b1 and b2
  double factor;
};
constexpr Combination kShear[] = {{0, 1, 1, 0, 1}, {0, 2, 0, 1, 1}, {3, 4, 1, 0, 2}, {3, 5, 0, 1, 2},
                                  {3, 6, 2, 0, 1}, {3, 7, 1, 1, 2}, {3, 8, 0, 2, 1}, {4, 6, 1, 0, 1},
                                  {4, 7, 0, 1, 1}, {5, 7, 1, 0, 1}, {5, 8, 0, 1, 1}};

void unshear(NormalEquations& n, double b1, double b2) {
  const double power1[3] = {1, b1, b1 * b1}, power2[3] = {1, b2, b2 * b2};
  for (const auto& c : kShear) {
    const double f = c.factor * power1[c.p1] * power2[c.p2];
    for (int k = 0; k < kParameters; k++) n.h[c.to][k] += f * n.h[c.from][k];
    n.g[c.to] += f * n.g[c.from];
  }
  for (const auto& c : kShear) {
    const double f = c.factor * power1[c.p1] * power2[c.p2];
    for (int k = 0; k < kParameters; k++) n.h[k][c.to] += f * n.h[k][c.from];
  }
}

}  // namespace

NormalEquations normal_equations(const Moments& m, const Model& model, size_t i, bool sheared) {
  NormalEquations n;
  for (int a = 0; a < 9; a++) {
    const int* p = kPower[a];
    for (int b = 0; b <= a; b++) {
      const int* r = kPower[b];
      n.h[a][b] = n.h[b][a] =
          sign(a) * sign(b) * m.curvature[monomial(p[0] + r[0], p[1] + r[1], p[2] + r[2], 4)];
    }
    const int at = monomial(p[0], p[1], p[2], 2);
    n.h[a][9] = n.h[9][a] = sign(a) * m.cross[at];
    n.g[a] = sign(a) * m.force[at];
  }
  n.h[9][9] = m.phi2;
  n.g[9] = m.e_phi;
  if (sheared) {
    const double b1 = double{model.a[1][i]} / model.a[3][i];
    const double b2 = (model.a[2][i] - b1 * model.a[4][i]) / model.a[5][i];
    unshear(n, b1, b2);
  }
  return n;
}

void solve(const NormalEquations& n, double damping, const double floor[kParameters], double x[kParameters]) {
  double l[kParameters][kParameters];
  for (int a = 0; a < kParameters; a++) {
    for (int b = 0; b <= a; b++) {
      double s = n.h[a][b];
      if (a == b) s += damping * std::max(s, 0.0) + floor[a];
      for (int k = 0; k < b; k++) s -= l[a][k] * l[b][k];
      if (a != b) {
        l[a][b] = s / l[b][b];
      } else {
        if (!(s > 0)) {
          std::fill(x, x + kParameters, 0.0);
          return;
        }
        l[a][a] = std::sqrt(s);
      }
    }
  }
  for (int a = 0; a < kParameters; a++) {
    double s = n.g[a];
    for (int k = 0; k < a; k++) s -= l[a][k] * x[k];
    x[a] = s / l[a][a];
  }
  for (int a = kParameters - 1; a >= 0; a--) {
    double s = x[a];
    for (int k = a + 1; k < kParameters; k++) s -= l[k][a] * x[k];
    x[a] = s / l[a][a];
  }
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
