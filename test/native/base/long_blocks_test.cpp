// Memory that is used again: what comes back is never taken for fresh.
#include "base/long_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/array.hpp"

using namespace gaussitu;

TEST_CASE("zeros are zero in memory that was used before, of every size") {
  for (const size_t count : {size_t{1}, size_t{1} << 15, size_t{1} << 19, (size_t{1} << 20) + 3})
    for (int round = 0; round < 3; round++) {
      Array<float> array = zeros<float>(count);
      CHECK(std::all_of(array.begin(), array.end(), [](float v) { return v == 0; }));
      std::fill(array.begin(), array.end(), 1.0f);
    }
}

TEST_CASE("blocks do not overlap, and more than is kept can be given back") {
  std::vector<Array<uint8_t>> arrays;
  for (int round = 0; round < 2; round++) {
    for (size_t k = 0; k < 40; k++) {
      arrays.emplace_back((size_t{8} << 20) - k * 100'000);
      std::memset(arrays.back().data(), static_cast<int>(k), arrays.back().size());
    }
    for (size_t k = 0; k < 40; k++) {
      CHECK(arrays[k].front() == k);
      CHECK(arrays[k].back() == k);
    }
    arrays.clear();
  }
}
