#include "channels.hpp"

#include <algorithm>
#include <set>

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

constexpr int64_t kBlocksPerRank = 65536;

bool is_mesh(const Node& node) {
  return bool(node.at("coordsets"));
}

/// Domains of one mesh: itself, or the children of an object or list of domains.
std::vector<Node> domains_of(const Node& data, Log& log) {
  if (is_mesh(data)) return {data};
  std::vector<Node> out;
  for (const auto& child : data.children()) {
    if (is_mesh(child)) {
      out.push_back(child);
    } else {
      log.once(child.path() + ": skipped, it has no coordsets");
    }
  }
  return out;
}

void number(std::vector<Domain>& domains, const Ranks& ranks) {
  std::set<int64_t> ids;
  for (const auto& domain : domains)
    if (const auto id = domain.mesh.at("state/domain_id").integer(); id && *id >= 0) ids.insert(*id);
  const bool own = ids.size() == domains.size();
  for (size_t i = 0; i < domains.size(); ++i)
    domains[i].block = own                   ? *domains[i].mesh.at("state/domain_id").integer()
                       : domains.size() == 1 ? ranks.rank
                                             : ranks.rank * kBlocksPerRank + static_cast<int64_t>(i);
}

void add_mesh(const Node& data, const std::string& name, bool patch, const Ranks& ranks, Log& log,
              std::vector<Domain>& out) {
  std::vector<Domain> domains;
  for (const auto& mesh : domains_of(data, log)) domains.push_back({mesh, name, 0, patch});
  number(domains, ranks);
  out.insert(out.end(), domains.begin(), domains.end());
}

void add_channel(const Node& channel, const Ranks& ranks, Log& log, std::vector<Domain>& out) {
  const std::string type = channel.need_text("type"), name = allowed_name(channel.name());
  const Node data = channel.at("data");
  if (!data) refuse(channel.path() + ": skipped, it has no data");
  if (type == "mesh" || type == "amrmesh") {
    add_mesh(data, name, type == "amrmesh", ranks, log, out);
  } else if (type == "multimesh") {
    for (const auto& mesh : data.children())
      add_mesh(mesh, allowed_name(name + "." + mesh.name()), false, ranks, log, out);
  } else {
    refuse(channel.path() + ": skipped, channels of type \"" + type +
           "\" are not supported (mesh, multimesh, amrmesh are)");
  }
}

}  // namespace

std::vector<Domain> read_channels(const Node& channels, const Ranks& ranks, Log& log) {
  std::vector<Domain> out;
  for (const auto& channel : channels.children()) {
    try {
      add_channel(channel, ranks, log, out);
    } catch (const Refusal& why) {
      log.once(why.what());
    }
  }
  return out;
}

std::string allowed_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c < 32 || c == 127 || c == '/'; }, '_');
  if (name.empty()) name = "mesh";
  size_t length = std::min<size_t>(name.size(), 200);
  // Not through the middle of a UTF-8 character.
  while (length < name.size() && length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80)
    --length;
  return name.substr(0, length);
}

}  // namespace gaussitu::catalyst
