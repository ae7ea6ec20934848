#include "ranks.hpp"

#include "conduit_api.hpp"
#include "launcher.hpp"

namespace gaussitu::catalyst {
namespace {

template <class Function>
Function find(const char* name) {
  return reinterpret_cast<Function>(host_symbol(name));
}

/// Communicators are pointers in Open MPI and int handles in MPICH and its kin; only the calls below differ
/// by that.
template <class Comm>
bool ask(Comm comm, Ranks& out) {
  const auto rank = find<int (*)(Comm, int*)>("MPI_Comm_rank");
  const auto size = find<int (*)(Comm, int*)>("MPI_Comm_size");
  int r = 0, n = 1;
  if (!rank || !size || rank(comm, &r) != 0 || size(comm, &n) != 0) return false;
  out = {r, n};
  return true;
}

bool from_mpi(std::optional<int64_t> fortran_comm, Ranks& out) {
  const auto initialized = find<int (*)(int*)>("MPI_Initialized");
  const auto finalized = find<int (*)(int*)>("MPI_Finalized");
  int yes = 0, over = 0;
  if (!initialized || initialized(&yes) != 0 || !yes) return false;
  if (finalized && finalized(&over) == 0 && over) return false;
  if (void* world = host_symbol("ompi_mpi_comm_world")) {
    const auto from_fortran = find<void* (*)(int)>("MPI_Comm_f2c");
    if (!fortran_comm || !from_fortran) return ask<void*>(world, out);
    return ask<void*>(from_fortran(static_cast<int>(*fortran_comm)), out);
  }
  constexpr int kMpichWorld = 0x44000000;
  return ask<int>(fortran_comm ? static_cast<int>(*fortran_comm) : kMpichWorld, out);
}

}  // namespace

Ranks find_ranks(std::optional<int64_t> fortran_comm) {
  Ranks out;
  if (from_mpi(fortran_comm, out)) return out;
  const auto [rank, ranks] = launcher_rank();
  return {rank, ranks};
}

}  // namespace gaussitu::catalyst
