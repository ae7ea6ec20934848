// One run from catalyst_initialize to catalyst_finalize: a client, and what it knows of the meshes so far.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "blueprint/field_input.hpp"
#include "blueprint/mesh_input.hpp"
#include "catalyst_abi.hpp"
#include "channels.hpp"
#include "gaussitu.h"
#include "log.hpp"
#include "node.hpp"
#include "ranks.hpp"
#include "settings.hpp"

namespace gaussitu::catalyst {

/// What catalyst_results tells.
struct Report {
  gaussitu_status status{};
  int64_t fields_skipped = 0;
  std::string message;
};

class Coupling {
 public:
  /// `root`: what catalyst_initialize was given. Refuses settings that make no sense.
  explicit Coupling(const Node& root);
  ~Coupling();
  Coupling(const Coupling&) = delete;
  Coupling& operator=(const Coupling&) = delete;

  /// One timestep. Refuses a node without catalyst/state or catalyst/channels; parts that cannot be sent are
  /// skipped.
  void execute(const Node& root);
  /// Waits, at most the setting close_seconds, until all is stored. kOk or kNotStored.
  int close();
  Report report() const;
  /// Skips and failures go there.
  Log& log() { return log_; }

 private:
  void send_domain(const Domain& domain);
  void send_topology(const Domain& domain, const Node& topology, bool alone);
  void define_if_changed(const std::string& name, const Domain& domain, const std::string& topology,
                         const MeshInput& mesh);
  void send_field(const std::string& mesh_name, int64_t block, const FieldInput& field);
  bool wanted(const std::string& field) const;

  Settings settings_;
  Ranks ranks_;
  Log log_;
  gaussitu_client* client_ = nullptr;
  /// Fingerprints of the meshes that are defined: a mesh that did not change is not defined, and not sent,
  /// again.
  std::map<std::pair<std::string, int64_t>, uint64_t> meshes_;
  int64_t last_step_ = -1;
  int64_t fields_skipped_ = 0;
  Report final_;
};

}  // namespace gaussitu::catalyst
