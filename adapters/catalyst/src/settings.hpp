// What a run is coupled with: from the nodes catalyst/gaussitu/*, else environment variables, else a file.
//
// Each setting KEY is looked for as the node catalyst/gaussitu/KEY, the variable GAUSSITU_KEY (upper case)
// and the line "KEY = value" of the file that `file` names (the node, or GAUSSITU_FILE).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "gaussitu.h"
#include "node.hpp"

namespace gaussitu::catalyst {

struct TargetSetting {
  std::string field;
  gaussitu_target_kind kind;
  double value;
};

struct Settings {
  /// Options of the client by name, as text.
  std::map<std::string, std::string> options;
  std::vector<TargetSetting> targets;
  /// Globs of the fields that are sent; empty: all.
  std::vector<std::string> fields;
  std::map<std::string, std::string> meta;
  double close_seconds = 60;
  std::string log;
};

/// `root`: what catalyst_initialize was given. Refuses unknown and senseless settings, naming them.
Settings read_settings(const Node& root);

/// The options with strings that point into `settings`; `client` names the simulation.
gaussitu_options client_options(const Settings& settings, const std::string& client);

}  // namespace gaussitu::catalyst
