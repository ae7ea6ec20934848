// The settings of a client: what the simulation asked, then what the environment says, all checked.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gaussitu.h"
#include "step.hpp"

namespace gaussitu::client {

struct Options {
  std::string endpoint, run, client, spill_dir;
  int64_t rank = 0, ranks = 1;
  gaussitu_policy policy = GAUSSITU_BLOCK;
  double block_seconds = 60, liveness_seconds = 30;
  uint64_t buffer_bytes = 0;
  bool checksum = false;
  std::vector<std::pair<std::string, std::string>> meta;
  std::vector<std::pair<std::string, Target>> targets;
};

void default_options(gaussitu_options& options);
/// One option from text; `what` names it in the E_INVALID that it throws. Texts are not copied.
void set_option(gaussitu_options& options, const std::string& option, const char* text,
                const std::string& what);
/// Throws E_INVALID naming the option or environment variable.
Options resolve_options(const gaussitu_options& given);
/// "ratio", "psnr", "bytes", "abs", "rel" or "pw_rel" and a number, checked. Throws E_INVALID.
Target target_from_text(const std::string& kind, const char* value);
/// Checks kind and value of a target given for `field`.
Target checked_target(gaussitu_target_kind kind, double value, const std::string& field);

}  // namespace gaussitu::client
