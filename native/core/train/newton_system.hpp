// The arithmetic of normal_equations.hpp for any type of number: double, or eight of them side by side
// (newton.isa.cpp). The order of operations is the same, and so are the bits.
#pragma once
#include <cmath>

#include "train/moments.hpp"

namespace gaussitu {

inline constexpr int kParameters = 10;
inline constexpr int kMoments = sizeof(Moments) / sizeof(float);  // in the order of their declaration

template <class T>
struct NewtonSystem {
  T h[kParameters][kParameters];  // J^T J
  T g[kParameters];               // J^T e
};

namespace newton {

inline void take_root(double& s) {
  s = std::sqrt(s);
}

// Powers of t0, t1, t2 in the Jacobian of each shift and shape parameter; shapes have the sign -1.
inline constexpr int kPower[9][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {2, 0, 0}, {1, 1, 0},
                                     {1, 0, 1}, {0, 2, 0}, {0, 1, 1}, {0, 0, 2}};
constexpr double sign(int p) {
  return p < 3 ? 1 : -1;
}

// Which moments these are, and those of each product of two.
struct Places {
  int curvature[9][9], first[9];
};
constexpr Places places() {
  Places to{};
  for (int a = 0; a < 9; a++) {
    const int* p = kPower[a];
    for (int b = 0; b < 9; b++)
      to.curvature[a][b] = monomial(p[0] + kPower[b][0], p[1] + kPower[b][1], p[2] + kPower[b][2], 4);
    to.first[a] = monomial(p[0], p[1], p[2], 2);
  }
  return to;
}
inline constexpr Places kPlaces = places();

// The Jacobian in t is a linear combination of the one in u: t0 = u0 + b1 t1 + b2 t2, hence for its squares.
struct Combination {
  int to, from;
  int p1, p2;  // powers of b1 and b2
  double factor;
};
inline constexpr Combination kShear[] = {{0, 1, 1, 0, 1}, {0, 2, 0, 1, 1}, {3, 4, 1, 0, 2}, {3, 5, 0, 1, 2},
                                         {3, 6, 2, 0, 1}, {3, 7, 1, 1, 2}, {3, 8, 0, 2, 1}, {4, 6, 1, 0, 1},
                                         {4, 7, 0, 1, 1}, {5, 7, 1, 0, 1}, {5, 8, 0, 1, 1}};

/// The system of the moments `at` [kMoments].
template <class T>
inline __attribute__((always_inline)) void fill(NewtonSystem<T>& n, const T* at) {
  const T *curvature = at, *cross = at + 35, *force = at + 45;
#pragma GCC unroll 9
  for (int a = 0; a < 9; a++) {
#pragma GCC unroll 9
    for (int b = 0; b <= a; b++)
      n.h[a][b] = n.h[b][a] = sign(a) * sign(b) * curvature[kPlaces.curvature[a][b]];
    n.h[a][9] = n.h[9][a] = sign(a) * cross[kPlaces.first[a]];
    n.g[a] = sign(a) * force[kPlaces.first[a]];
  }
  n.h[9][9] = at[55];
  n.g[9] = at[56];
}

template <class T>
inline __attribute__((always_inline)) void unshear(NewtonSystem<T>& n, const T& b1, const T& b2) {
  const T one = T{} + 1.0;
  const T power1[3] = {one, b1, b1 * b1}, power2[3] = {one, b2, b2 * b2};
#pragma GCC unroll 11
  for (const auto& c : kShear) {
    const T f = c.factor * power1[c.p1] * power2[c.p2];
    for (int k = 0; k < kParameters; k++) n.h[c.to][k] += f * n.h[c.from][k];
    n.g[c.to] += f * n.g[c.from];
  }
#pragma GCC unroll 11
  for (const auto& c : kShear) {
    const T f = c.factor * power1[c.p1] * power2[c.p2];
    for (int k = 0; k < kParameters; k++) n.h[k][c.to] += f * n.h[k][c.from];
  }
}

/// x of (H + damping diag H + floor) x = g by Cholesky; 0 where the system is not positive definite. Divides
/// once per pivot: a division takes as long as many products.
template <class T>
inline __attribute__((always_inline)) void solve(const NewtonSystem<T>& n, double damping, const T* floor,
                                                 T* x) {
  const T zero{};
  T l[kParameters][kParameters], definite = zero + 1.0;
  T inverse[kParameters];  // of the pivots
#pragma GCC unroll 10
  for (int b = 0; b < kParameters; b++)
#pragma GCC unroll 10
    for (int a = b; a < kParameters; a++) {
      T s = n.h[a][b];
      if (a == b) s += damping * (s > zero ? s : zero) + floor[a];
      for (int k = 0; k < b; k++) s -= l[a][k] * l[b][k];
      if (a == b) {
        definite = s > zero ? definite : zero;
        T root = s > zero ? s : zero + 1.0;
        take_root(root);
        inverse[a] = 1.0 / root;
      } else {
        l[a][b] = s * inverse[b];
      }
    }
  for (int a = 0; a < kParameters; a++) {
    T s = n.g[a];
    for (int k = 0; k < a; k++) s -= l[a][k] * x[k];
    x[a] = s * inverse[a];
  }
  for (int a = kParameters - 1; a >= 0; a--) {
    T s = x[a];
    for (int k = a + 1; k < kParameters; k++) s -= l[k][a] * x[k];
    x[a] = s * inverse[a];
  }
  for (int a = 0; a < kParameters; a++) x[a] = definite > zero ? x[a] : zero;
}

}  // namespace newton
}  // namespace gaussitu
