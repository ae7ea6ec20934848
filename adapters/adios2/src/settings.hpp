// Parameters of the engine, as they stand in the user's XML or SetParameters call.
#pragma once
#include <map>
#include <string>

#include "gaussitu.hpp"
#include "operation.hpp"

namespace gaussitu::adios2_adapter {

struct Settings {
  std::map<std::string, std::string> options;            // of the client by name, as text; `run` always
  gaussitu_target target{"*", GAUSSITU_TARGET_NONE, 0};  // for all variables without one of their own
  double close_seconds = 600;
  std::string time_variable;                             // its value is the step's physical time
  double spacing[3] = {1, 1, 1}, origin[3] = {0, 0, 0};  // x, y, z of the grids
  int verbose = 0;                                       // 0 errors, 1 and a summary, 2 and every step
  bool whole_row_major = false;                          // ADIOS2 2.12: see engine_v2.cpp
  bool strict = false;  // a variable that cannot be taken ends the simulation
};

/// Keys compare without case; those of ADIOS2 itself (PluginName, PluginLibrary) are left alone. Throws
/// std::invalid_argument that names what was expected, what came and, for a key that is none, the nearest
/// one.
Settings read_settings(const Parameters& parameters, const std::string& stream_name);

/// What the client is opened with; strings and the target point into `settings`. Throws
/// std::invalid_argument.
Options client_options(const Settings& settings, int rank, int ranks);

}  // namespace gaussitu::adios2_adapter
