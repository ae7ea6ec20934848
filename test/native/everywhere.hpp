// Runs a computation on every instruction set and several thread counts; all must give the same bits.
#pragma once
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"

/// `compute` returns a vector of floats.
template <class F>
void check_same_bits_everywhere(const F& compute) {
  using namespace gaussitu;
  const std::string before = instruction_set_name();
  const unsigned threads_before = thread_count();
  const std::vector<float> expected = compute();
  const struct {
    InstructionSet set;
    const char* name;
  } sets[] = {
      {InstructionSet::scalar, "scalar"}, {InstructionSet::avx2, "avx2"}, {InstructionSet::avx512, "avx512"}};
  for (const auto& s : sets) {
    if (!supports(s.set)) {
      MESSAGE("this processor cannot run ", s.name);
      continue;
    }
    for (const unsigned threads : {1u, 2u, 3u}) {
      set_instruction_set(s.name);
      set_thread_count(threads);
      const std::vector<float> got = compute();
      REQUIRE(got.size() == expected.size());
      CAPTURE(s.name);
      CAPTURE(threads);
      CHECK(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0);
    }
  }
  set_instruction_set(before);
  set_thread_count(threads_before);
}
