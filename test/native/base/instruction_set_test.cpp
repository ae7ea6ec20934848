#include "base/instruction_set.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"

using namespace gaussitu;

TEST_CASE("every supported instruction set can be chosen by name") {
  for (const char* name : {"scalar", "avx2", "avx512"}) {
    const auto set = std::string(name) == "scalar" ? InstructionSet::scalar
                     : std::string(name) == "avx2" ? InstructionSet::avx2
                                                   : InstructionSet::avx512;
    if (supports(set)) {
      set_instruction_set(name);
      CHECK(instruction_set() == set);
      CHECK(std::string(instruction_set_name()) == name);
    } else {
      CHECK_THROWS_AS(set_instruction_set(name), Error);
    }
  }
}

TEST_CASE("an unknown name is refused and changes nothing") {
  const auto before = instruction_set();
  CHECK_THROWS_WITH_AS(set_instruction_set("sse9"),
                       "Expected instruction set scalar, avx2 or avx512 but received \"sse9\"", Error);
  CHECK(instruction_set() == before);
}
