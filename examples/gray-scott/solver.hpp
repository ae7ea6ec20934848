// Gray-Scott reaction-diffusion in three dimensions, periodic, explicit Euler (J. E. Pearson, "Complex
// patterns in a simple system", Science 261, 1993; parameters as in the ADIOS2 example of that name):
//   du/dt = Du lap(u) - u v^2 + F (1 - u)        dv/dt = Dv lap(v) + u v^2 - (F + k) v
// Arrays carry one ghost layer on every side, x fastest: [nz + 2][ny + 2][nx + 2].
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

struct Parameters {
  double du = 0.1, dv = 0.05, feed = 0.02, kill = 0.048, dt = 1.0;
};

/// One rank's slab of a periodic grid of n[0] x n[1] x n[2] nodes, cut along z.
struct Slab {
  int64_t n[3];
  int64_t z_begin, z_count;

  int64_t row() const { return n[0] + 2; }
  int64_t plane() const { return row() * (n[1] + 2); }
  int64_t size() const { return plane() * (z_count + 2); }
  /// Index of the interior node (x, y, z), z counted from the slab's first plane; -1 and n are ghosts.
  int64_t at(int64_t x, int64_t y, int64_t z) const { return (z + 1) * plane() + (y + 1) * row() + x + 1; }
};

template <class Real>
class Solver {
 public:
  Solver(const Slab& slab, const Parameters& parameters)
      : slab_(slab), p_(parameters), u_(slab.size(), Real(1)), v_(slab.size(), Real(0)), u2_(u_), v2_(v_) {
    seed();
  }

  const Slab& slab() const { return slab_; }
  std::vector<Real>& u() { return u_; }
  std::vector<Real>& v() { return v_; }

  /// Fills the x and y ghosts; the z ghosts, which may belong to other ranks, come from `exchange`.
  template <class Exchange>
  void fill_ghosts(Exchange exchange) {
    for (auto* field : {&u_, &v_}) {
      exchange(*field);
      wrap(*field);
    }
  }

  /// One time step; ghosts must be filled.
  void step() {
    const Real du = p_.du, dv = p_.dv, feed = p_.feed, loss = p_.feed + p_.kill, dt = p_.dt;
    const int64_t row = slab_.row(), plane = slab_.plane(), nx = slab_.n[0];
    for (int64_t z = 0; z < slab_.z_count; ++z)
      for (int64_t y = 0; y < slab_.n[1]; ++y) {
        const int64_t first = slab_.at(0, y, z);
        const Real* u = &u_[first];
        const Real* v = &v_[first];
        Real* __restrict u_next = &u2_[first];
        Real* __restrict v_next = &v2_[first];
        for (int64_t x = 0; x < nx; ++x) {
          const Real lap_u =
              u[x - 1] + u[x + 1] + u[x - row] + u[x + row] + u[x - plane] + u[x + plane] - 6 * u[x];
          const Real lap_v =
              v[x - 1] + v[x + 1] + v[x - row] + v[x + row] + v[x - plane] + v[x + plane] - 6 * v[x];
          const Real reaction = u[x] * v[x] * v[x];
          u_next[x] = u[x] + dt * (du * lap_u - reaction + feed * (1 - u[x]));
          v_next[x] = v[x] + dt * (dv * lap_v + reaction - loss * v[x]);
        }
      }
    std::swap(u_, u2_);
    std::swap(v_, v2_);
  }

 private:
  /// Small cubes of reactant at pseudo-random places, the same whatever the number of ranks.
  void seed() {
    uint32_t state = 1;
    const auto random = [&](int64_t below) {
      state = state * 1664525u + 1013904223u;
      return static_cast<int64_t>((state >> 8) % static_cast<uint32_t>(below));
    };
    const int64_t half = 4;
    const int64_t cubes = std::max<int64_t>(1, slab_.n[0] * slab_.n[1] * slab_.n[2] / 100000);
    for (int64_t cube = 0; cube < cubes; ++cube) {
      const int64_t cx = random(slab_.n[0]), cy = random(slab_.n[1]), cz = random(slab_.n[2]);
      for (int64_t k = -half; k < half; ++k)
        for (int64_t j = -half; j < half; ++j)
          for (int64_t i = -half; i < half; ++i) {
            const int64_t z = (cz + k + slab_.n[2]) % slab_.n[2] - slab_.z_begin;
            if (z < 0 || z >= slab_.z_count) continue;
            const int64_t at =
                slab_.at((cx + i + slab_.n[0]) % slab_.n[0], (cy + j + slab_.n[1]) % slab_.n[1], z);
            u_[at] = Real(0.25);
            v_[at] = Real(0.33);
          }
    }
  }

  void wrap(std::vector<Real>& f) const {
    const int64_t nx = slab_.n[0], ny = slab_.n[1];
    for (int64_t z = -1; z <= slab_.z_count; ++z) {
      for (int64_t y = 0; y < ny; ++y) {
        f[slab_.at(-1, y, z)] = f[slab_.at(nx - 1, y, z)];
        f[slab_.at(nx, y, z)] = f[slab_.at(0, y, z)];
      }
      std::copy_n(&f[slab_.at(-1, ny - 1, z)], slab_.row(), &f[slab_.at(-1, -1, z)]);
      std::copy_n(&f[slab_.at(-1, 0, z)], slab_.row(), &f[slab_.at(-1, ny, z)]);
    }
  }

  Slab slab_;
  Parameters p_;
  std::vector<Real> u_, v_, u2_, v2_;
};
