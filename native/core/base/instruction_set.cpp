#include "base/instruction_set.hpp"

#include <atomic>
#include <cstdlib>

#include "base/error.hpp"

namespace gaussitu {
namespace {

InstructionSet best() {
  if (supports(InstructionSet::avx512)) return InstructionSet::avx512;
  if (supports(InstructionSet::avx2)) return InstructionSet::avx2;
  return InstructionSet::scalar;
}

constexpr const char* kNames[] = {"scalar", "avx2", "avx512"};

InstructionSet parse(const std::string& name) {
  for (int i = 0; i < 3; i++)
    if (name == kNames[i]) return static_cast<InstructionSet>(i);
  throw Error(Code::invalid_argument,
              "Expected instruction set scalar, avx2 or avx512 but received \"" + name + "\"");
}

InstructionSet initial() {
  const char* asked = std::getenv("GAUSSITU_ISA");
  if (asked == nullptr) return best();
  // An environment variable must not stop a simulation: an unknown or unsupported name means the best one.
  for (int i = 0; i < 3; i++)
    if (std::string(asked) == kNames[i] && supports(static_cast<InstructionSet>(i)))
      return static_cast<InstructionSet>(i);
  return best();
}

std::atomic<InstructionSet>& current() {
  static std::atomic<InstructionSet> set{initial()};
  return set;
}

}  // namespace

bool supports(InstructionSet set) {
#if defined(__x86_64__)
  switch (set) {
    case InstructionSet::scalar:
      return true;
    case InstructionSet::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi2");
    case InstructionSet::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  }
  return false;
#else
  return set == InstructionSet::scalar;
#endif
}

InstructionSet instruction_set() {
  return current().load(std::memory_order_relaxed);
}

const char* instruction_set_name() {
  return kNames[static_cast<int>(instruction_set())];
}

void set_instruction_set(const std::string& name) {
  const InstructionSet set = parse(name);
  if (!supports(set))
    throw Error(Code::invalid_argument, "Expected an instruction set of this processor but received " + name +
                                            "; the best here is " + kNames[static_cast<int>(best())]);
  current().store(set);
}

}  // namespace gaussitu
