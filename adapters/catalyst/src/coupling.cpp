#include "coupling.hpp"

#include <fnmatch.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "blueprint/define.hpp"
#include "blueprint/ghosts.hpp"
#include "blueprint/patch.hpp"
#include "refusal.hpp"
#include "zmq_private.hpp"

namespace gaussitu::catalyst {
namespace {

/// A run without a name is called after the program.
std::string default_run(const std::string& program) {
  std::string run;
  for (const char c : program)
    run += (static_cast<unsigned char>(c) < 128 && std::isalnum(static_cast<unsigned char>(c))) || c == '_' ||
                   c == '-'
               ? c
               : '_';
  return run.empty() ? "catalyst" : run.substr(0, 200);
}

}  // namespace

Coupling::Coupling(const Node& root) : settings_(read_settings(root)) {
  if (!zmq_found()) refuse("libzmq.so.5 cannot be loaded (install libzmq5, or set LD_LIBRARY_PATH)");
  const std::string program = program_invocation_short_name;
  auto& options = settings_.options;
  options.emplace("run", default_run(program));
  ranks_ = find_ranks(root.at("catalyst/mpi_comm").integer());
  options.emplace("rank", std::to_string(ranks_.rank));
  options.emplace("ranks", std::to_string(ranks_.ranks));

  const std::string client_name = ("catalyst/" + program).substr(0, 200);
  gaussitu_options o = client_options(settings_, client_name);
  ranks_ = {o.rank, o.ranks};
  log_.open(settings_.log, ranks_.rank);
  std::vector<gaussitu_target> targets;
  for (const auto& t : settings_.targets) targets.push_back({t.field.c_str(), t.kind, t.value});
  std::vector<gaussitu_meta> meta;
  for (const auto& [key, value] : settings_.meta) meta.push_back({key.c_str(), value.c_str()});
  o.targets = targets.data();
  o.target_count = targets.size();
  o.meta = meta.data();
  o.meta_count = meta.size();
  if (gaussitu_open(&o, &client_) != GAUSSITU_OK) refuse(gaussitu_last_error(nullptr));
  log_.line("run " + options["run"] + ", rank " + std::to_string(ranks_.rank) + " of " +
            std::to_string(ranks_.ranks) + ", gaussitu " + gaussitu_version());
}

Coupling::~Coupling() {
  if (client_) gaussitu_close(client_, 0);
}

void Coupling::execute(const Node& root) {
  const Node state = root.at("catalyst/state"), channels = root.at("catalyst/channels");
  if (!state || !channels) refuse("catalyst_execute: expected catalyst/state and catalyst/channels");
  auto step = state.at("timestep").integer();
  if (!step) step = state.at("cycle").integer();
  if (!step) refuse("catalyst_execute: expected catalyst/state/timestep or cycle, a whole number");
  const auto time = state.at("time").real();
  if (*step <= last_step_)
    refuse("timestep " + std::to_string(*step) + ": not sent, it is not above the last one, " +
           std::to_string(last_step_));
  const int began = gaussitu_begin_step(client_, *step, time && std::isfinite(*time) ? *time : 0.0);
  if (began == GAUSSITU_E_INVALID || began == GAUSSITU_E_STATE) refuse(gaussitu_last_error(client_));
  last_step_ = *step;
  int ended = GAUSSITU_OK;
  try {
    for (const auto& domain : read_channels(channels, ranks_, log_)) send_domain(domain);
    ended = gaussitu_end_step(client_);
  } catch (...) {
    gaussitu_end_step(client_);  // what has come is sent; other ranks wait for it
    throw;
  }
  if (ended != GAUSSITU_OK) log_.once(gaussitu_last_error(client_));
}

void Coupling::send_domain(const Domain& domain) {
  const auto topologies = domain.mesh.at("topologies").children();
  if (topologies.empty()) log_.once(domain.mesh.path() + ": skipped, it has no topologies");
  for (const auto& topology : topologies) {
    try {
      send_topology(domain, topology, topologies.size() == 1);
    } catch (const Refusal& why) {
      log_.once(why.what());
    } catch (const std::exception& error) {  // Conduit's own; the other meshes of the step are not to blame
      log_.once(topology.path() + ": " + error.what());
    }
  }
}

void Coupling::send_topology(const Domain& domain, const Node& topology, bool alone) {
  const std::string name = alone ? domain.name : allowed_name(domain.name + "." + topology.name());
  const Node fields = domain.mesh.at("fields");
  bool defined = false;
  MeshInput mesh;
  for (const auto& node : fields.children()) {
    if (node.at("topology").text() != topology.name() || is_ghost_field(node.name()) || !wanted(node.name()))
      continue;
    try {
      if (!defined) mesh = read_topology(domain.mesh, topology);
    } catch (const Refusal&) {
      ++fields_skipped_;
      throw;
    }
    try {
      if (!defined) define_if_changed(name, domain, topology.name(), mesh);
      defined = true;
      send_field(name, domain.block, read_field(node, mesh));
    } catch (const Refusal& why) {
      ++fields_skipped_;
      if (!defined) throw;
      log_.once(why.what());
    }
  }
}

void Coupling::define_if_changed(const std::string& name, const Domain& domain, const std::string& topology,
                                 const MeshInput& mesh) {
  GhostInput ghosts = read_ghosts(domain.mesh, topology, mesh);
  uint64_t print = fingerprint(fingerprint(mesh), ghosts);
  Patch patch;
  if (domain.patch) {
    int bad = 0;
    patch = read_patch(domain.mesh, &bad);
    if (bad > 0)
      log_.once(domain.mesh.path() + ": nesting windows without a domain, or below 0, are left out");
    print = fingerprint(print, patch);
  }
  const std::pair key(name, domain.block);
  const auto known = meshes_.find(key);
  if (known != meshes_.end() && known->second == print) return;
  meshes_.erase(key);
  define_mesh(client_, name, domain.block, mesh, ghosts, domain.patch ? &patch : nullptr);
  meshes_[key] = print;
}

void Coupling::send_field(const std::string& mesh_name, int64_t block, const FieldInput& input) {
  const Packed values = pack(input.components, input.pick ? &*input.pick : nullptr);
  const std::string name = allowed_name(input.name);
  gaussitu_field field;
  gaussitu_field_init(&field);
  field.name = name.c_str();
  field.mesh = mesh_name.c_str();
  field.block = block;
  field.association = input.association;
  field.dtype = values.dtype;
  field.count = values.count;
  field.components = values.components;
  field.units = input.units.empty() ? nullptr : input.units.c_str();
  // Dropped and spilled steps are the policy's doing, and in the report; anything below 0 is about this
  // field.
  if (gaussitu_put_field(client_, &field, values.data) == GAUSSITU_E_INVALID)
    refuse(gaussitu_last_error(client_));
}

bool Coupling::wanted(const std::string& field) const {
  if (settings_.fields.empty()) return true;
  for (const auto& glob : settings_.fields)
    if (fnmatch(glob.c_str(), field.c_str(), 0) == 0) return true;
  return false;
}

int Coupling::close() {
  final_ = report();
  gaussitu_flush(client_, settings_.close_seconds);
  final_ = report();
  const int status = gaussitu_close(client_, 1);
  client_ = nullptr;
  if (status < 0 || status == GAUSSITU_TIMEOUT || status == GAUSSITU_SPILLED) {
    log_.line(gaussitu_last_error(nullptr));
    final_.message = log_.last();
  } else {
    log_.line("closed: " + std::to_string(final_.status.steps_acknowledged) + " of " +
              std::to_string(final_.status.steps_ended) + " steps are stored");
  }
  return status == GAUSSITU_OK || status == GAUSSITU_SPILLED ? kOk : kNotStored;
}

Report Coupling::report() const {
  if (!client_) return final_;
  Report out;
  out.status.size = sizeof out.status;
  gaussitu_get_status(client_, &out.status);
  out.fields_skipped = fields_skipped_;
  const char* said = gaussitu_last_error(client_);
  out.message = said && *said ? said : log_.last();
  return out;
}

}  // namespace gaussitu::catalyst
