// Rank and size from what MPI launchers put into the environment, for hosts that hand over no communicator.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace gaussitu {

/// {rank, ranks}; {0, 1} when no launcher is known.
inline std::pair<int32_t, int32_t> launcher_rank() {
  // SLURM_STEP_…: a batch script itself has SLURM_PROCID and SLURM_NTASKS as well, but is one process.
  static constexpr const char* variables[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                                 {"PMI_RANK", "PMI_SIZE"},
                                                 {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
                                                 {"PALS_RANKID", "PALS_SIZE"},
                                                 {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};
  const auto number = [](const char* name) -> long {
    const char* text = std::getenv(name);
    char* end = nullptr;
    const long value = text && *text ? std::strtol(text, &end, 10) : -1;
    return end && !*end && value <= 65536 ? value : -1;
  };
  for (const auto& [rank_name, size_name] : variables) {
    const long rank = number(rank_name), ranks = number(size_name);
    if (rank >= 0 && rank < ranks) return {static_cast<int32_t>(rank), static_cast<int32_t>(ranks)};
  }
  return {0, 1};
}

}  // namespace gaussitu
