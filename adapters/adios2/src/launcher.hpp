// Rank and size from what MPI launchers put into the environment, for hosts that hand over no communicator.
#pragma once
#include <cstdlib>
#include <utility>

namespace gaussitu::adios2_adapter {

/// {rank, ranks}; {0, 1} when no launcher is known.
inline std::pair<int, int> launcher_rank() {
  static constexpr const char* variables[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                                 {"PMI_RANK", "PMI_SIZE"},
                                                 {"PALS_RANKID", "PALS_SIZE"},
                                                 {"SLURM_PROCID", "SLURM_NTASKS"}};
  for (const auto& [rank, size] : variables) {
    const char *r = std::getenv(rank), *n = std::getenv(size);
    if (r && n && std::atoi(n) > 0 && std::atoi(r) >= 0 && std::atoi(r) < std::atoi(n))
      return {std::atoi(r), std::atoi(n)};
  }
  return {0, 1};
}

}  // namespace gaussitu::adios2_adapter
