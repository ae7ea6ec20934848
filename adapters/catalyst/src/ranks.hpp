// Which rank of how many this process is, without linking MPI and without a collective call.
#pragma once
#include <cstdint>
#include <optional>

namespace gaussitu::catalyst {

struct Ranks {
  int32_t rank = 0, ranks = 1;
};

/// Asks the process's MPI when it is there and initialised (`fortran_comm`: catalyst/mpi_comm; default: the
/// world), else the variables that launchers set, else it is one rank of one.
Ranks find_ranks(std::optional<int64_t> fortran_comm);

}  // namespace gaussitu::catalyst
