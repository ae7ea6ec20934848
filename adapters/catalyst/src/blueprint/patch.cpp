#include "patch.hpp"

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

/// {i, j, k}; what is missing stays as it is.
bool read_triple(const Node& node, int64_t least, int64_t out[3]) {
  static constexpr const char* names[] = {"i", "j", "k"};
  for (int a = 0; a < 3; ++a) {
    const Node child = node.at(names[a]);
    if (!child) continue;
    const auto value = child.integer();
    if (!value || *value < least) return false;
    out[a] = *value;
  }
  return true;
}

}  // namespace

Patch read_patch(const Node& domain, int* bad) {
  Patch out;
  // "level" is what Catalyst's channels use, "level_id" what Mesh Blueprint says.
  auto level = domain.at("state/level").integer();
  if (!level) level = domain.at("state/level_id").integer();
  if (!level || *level < 0 || *level > 63)
    refuse(domain.path() + ": expected state/level, a whole number from 0 to 63");
  out.level = static_cast<int32_t>(*level);
  for (const auto& set : domain.at("nestsets").children()) {
    for (const auto& window : set.at("windows").children()) {
      gaussitu_nesting w{-1, 0, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}};
      const auto other = window.at("domain_id").integer();
      const auto type = window.at("domain_type").text();
      if (!other || *other < 0 || !type || !read_triple(window.at("ratio"), 1, w.ratio) ||
          !read_triple(window.at("origin"), 0, w.origin) || !read_triple(window.at("dims"), 0, w.dims)) {
        ++*bad;
        continue;
      }
      w.block = *other;
      w.child = *type == "child";
      out.windows.push_back(w);
    }
  }
  return out;
}

uint64_t fingerprint(uint64_t seed, const Patch& patch) {
  seed = hash(seed, &patch.level, sizeof patch.level);
  for (const auto& w : patch.windows) {
    const int64_t ends[2] = {w.block, w.child};
    seed =
        hash(hash(seed, ends, sizeof ends), w.ratio, 3 * sizeof w.ratio);  // ratio, origin, dims lie together
  }
  return seed;
}

}  // namespace gaussitu::catalyst
