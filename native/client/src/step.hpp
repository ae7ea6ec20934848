// One timestep of this rank, as queued: what put_field collected between begin_step and end_step.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "array.hpp"
#include "mesh.hpp"

namespace gaussitu::client {

struct Target {
  gaussitu_target_kind kind = GAUSSITU_TARGET_NONE;
  double value = 0;
};

struct FieldData {
  std::string name;
  MeshPtr mesh;  // the version that was current when the field was put
  gaussitu_association association = GAUSSITU_NODE;
  gaussitu_dtype dtype = GAUSSITU_F32;
  int64_t count = 0;
  int32_t components = 1;
  std::string units;
  Target target;
  Array array;
};

/// What put_number(s) and put_text gave: sent with the end of the step.
using StepValue = std::variant<std::vector<double>, std::string>;

struct Step {
  int64_t step = 0;
  double time = 0;
  std::vector<FieldData> fields;
  std::vector<std::pair<std::string, StepValue>> values;
  bool spilled = false;  // all arrays are in files

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& f : fields) sum += f.array.size;
    return sum;
  }
};
using StepPtr = std::shared_ptr<Step>;

}  // namespace gaussitu::client
