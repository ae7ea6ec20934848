// Runs a computation under several orders of execution; all must give the same bytes.
#pragma once
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "launch.hpp"

/// `compute` returns a vector; returns what it returned.
template <class F>
auto same_under_all_seeds(const F& compute, uint64_t seeds = 3) {
  emulation::set_seed(0);
  const auto expected = compute();
  for (uint64_t seed = 1; seed < seeds; seed++) {
    emulation::set_seed(seed);
    const auto got = compute();
    REQUIRE(got.size() == expected.size());
    CAPTURE(seed);
    CHECK(std::memcmp(got.data(), expected.data(), got.size() * sizeof(got[0])) == 0);
  }
  return expected;
}
