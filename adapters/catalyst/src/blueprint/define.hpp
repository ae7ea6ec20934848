// Blueprint meshes as calls of native/client.
#pragma once
#include <cstdint>
#include <string>

#include "gaussitu.h"
#include "ghosts.hpp"
#include "mesh_input.hpp"
#include "patch.hpp"

namespace gaussitu::catalyst {

/// Defines (name, block) with all that is known of it. Refuses what the client refuses.
void define_mesh(gaussitu_client* client, const std::string& name, int64_t block, const MeshInput& mesh,
                 const GhostInput& ghosts, const Patch* patch);

}  // namespace gaussitu::catalyst
