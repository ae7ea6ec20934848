// The few things the simulation needs of MPI; without MPI a world of one rank.
#pragma once
#include <algorithm>
#include <vector>

#include "solver.hpp"

#ifdef HAVE_MPI
#include <mpi.h>

class Ranks {
 public:
  Ranks(int* argc, char*** argv) {
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
  }
  ~Ranks() { MPI_Finalize(); }
  double max(double value) const {
    double all = value;
    MPI_Allreduce(&value, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return all;
  }
  /// z ghosts of `f` from the neighbours, periodic.
  template <class Real>
  void exchange(const Slab& slab, std::vector<Real>& f) const {
    const int up = (rank + 1) % count, down = (rank + count - 1) % count;
    const int bytes = static_cast<int>(slab.plane() * sizeof(Real));
    const auto plane = [&](int64_t z) { return &f[(z + 1) * slab.plane()]; };
    MPI_Sendrecv(plane(slab.z_count - 1), bytes, MPI_BYTE, up, 0, plane(-1), bytes, MPI_BYTE, down, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Sendrecv(plane(0), bytes, MPI_BYTE, down, 1, plane(slab.z_count), bytes, MPI_BYTE, up, 1,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  int rank = 0, count = 1;
};

#else

class Ranks {
 public:
  Ranks(int*, char***) {}
  double max(double value) const { return value; }
  template <class Real>
  void exchange(const Slab& slab, std::vector<Real>& f) const {
    const auto plane = [&](int64_t z) { return &f[(z + 1) * slab.plane()]; };
    std::copy_n(plane(slab.z_count - 1), slab.plane(), plane(-1));
    std::copy_n(plane(0), slab.plane(), plane(slab.z_count));
  }
  int rank = 0, count = 1;
};

#endif
