#include "ranks.hpp"

#include <cstdlib>

#include "conduit_api.hpp"

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

std::optional<int32_t> variable(const char* name) {
  const char* text = std::getenv(name);
  if (!text || !*text) return std::nullopt;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end || value < 0 || value > 65536) return std::nullopt;
  return static_cast<int32_t>(value);
}

}  // namespace

Ranks find_ranks(std::optional<int64_t> fortran_comm) {
  Ranks out;
  if (from_mpi(fortran_comm, out)) return out;
  // SLURM_STEP_…: a batch script itself has SLURM_PROCID and SLURM_NTASKS as well, but is one process.
  static constexpr const char* pairs[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                             {"PMI_RANK", "PMI_SIZE"},
                                             {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
                                             {"PALS_RANKID", "PALS_SIZE"},
                                             {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};
  for (const auto& pair : pairs) {
    const auto rank = variable(pair[0]), ranks = variable(pair[1]);
    if (rank && ranks && *rank < *ranks) return {*rank, *ranks};
  }
  return out;
}

}  // namespace gaussitu::catalyst
