// A field of Mesh Blueprint on a topology: its arrays, checked against the mesh.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "mesh_input.hpp"

namespace gaussitu::catalyst {

struct FieldInput {
  std::string name, units;
  gaussitu_association association = GAUSSITU_NODE;
  std::vector<ArrayView> components;
  std::optional<Pick> pick;  // strided structured
  int64_t count = 0;
};

/// Refuses what cannot be sent, with the reason: material fields, high-order ones, wrong lengths, more than 9
/// components.
FieldInput read_field(const Node& field, const MeshInput& mesh);

}  // namespace gaussitu::catalyst
