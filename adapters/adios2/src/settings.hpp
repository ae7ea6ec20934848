// Parameters of the engine, as they stand in the user's XML or SetParameters call.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gaussitu.h"

namespace gaussitu::adios2_adapter {

using Parameters = std::map<std::string, std::string>;

struct Settings {
  std::string endpoint, run, spill_dir;  // empty: the client's defaults and environment variables
  gaussitu_policy policy = GAUSSITU_BLOCK;
  double block_seconds = 60, close_seconds = 600;
  uint64_t buffer_bytes = 0;                             // 0: the client's default
  gaussitu_target target{"*", GAUSSITU_TARGET_NONE, 0};  // for all variables without one of their own
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

/// The bound or size that an <operation> of the user asks of a variable: accuracy (absolute; relative with
/// mode REL), tolerance of MGARD likewise, rate of zfp (bits per value). NONE when it asks nothing of the
/// kind. `element_bytes`: of one value.
gaussitu_target operation_target(const std::string& type, const Parameters& parameters, size_t element_bytes);

}  // namespace gaussitu::adios2_adapter
