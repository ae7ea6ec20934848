// What makes a domain a patch of an adaptively refined grid: its level and the patches that it overlaps
// (state and nestsets of Mesh Blueprint).
#pragma once
#include <cstdint>
#include <vector>

#include "gaussitu.h"
#include "node.hpp"

namespace gaussitu::catalyst {

struct Patch {
  int32_t level = 0;
  std::vector<gaussitu_nesting> windows;
};

/// Refuses a domain without a level. Windows that make no sense are left out and counted in `*bad`.
Patch read_patch(const Node& domain, int* bad);
uint64_t fingerprint(uint64_t seed, const Patch& patch);

}  // namespace gaussitu::catalyst
