// The channels of a step taken apart into domains: single meshes with the name and block number they are sent
// under.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "log.hpp"
#include "node.hpp"
#include "ranks.hpp"

namespace gaussitu::catalyst {

struct Domain {
  Node mesh;         // has coordsets and topologies
  std::string name;  // of its meshes; a topology's own name follows when there are several
  int64_t block = 0;
  bool patch = false;  // of a refined grid
};

/// Channels of type mesh, multimesh and amrmesh. Others, and parts that are no meshes, are skipped with one
/// line in the log. Blocks are numbered by state/domain_id where every domain of a mesh on this rank has its
/// own, else the rank (one domain), or rank · 65536 + its place (several).
std::vector<Domain> read_channels(const Node& channels, const Ranks& ranks, Log& log);

/// A name as the protocol allows: no '/', no control characters, at most 200 bytes.
std::string allowed_name(std::string name);

}  // namespace gaussitu::catalyst
