#include "sort.hpp"

#include <algorithm>
#include <numeric>

#include "fields.hpp"
#include "scan.hpp"
#include "seeds.hpp"

using namespace gaussitu::cuda;

namespace {

std::vector<uint32_t> numbers(size_t n, uint32_t below, uint64_t seed) {
  fields::Random random(seed);
  std::vector<uint32_t> out(n);
  for (auto& x : out) x = static_cast<uint32_t>(random.in(0, below));
  return out;
}

}  // namespace

TEST_CASE("prefix sums of any length, also in place") {
  for (const size_t n :
       {size_t{0}, size_t{1}, size_t{31}, size_t{1024}, size_t{1025}, size_t{5000}, size_t{300000}}) {
    CAPTURE(n);
    const auto in = numbers(n, 100, n);
    std::vector<uint32_t> expected(n + 1, 0);
    for (size_t i = 0; i < n; i++) expected[i + 1] = expected[i] + in[i];
    const auto got = same_under_all_seeds(
        [&] {
          Memory memory;
          Stream stream;
          DeviceArray<uint32_t> a(memory), sums(memory);
          a.resize(n + 1);
          a.upload(stream, in.data(), n);
          sums.resize(scan_blocks(n) + 1);
          exclusive_scan(a.data(), a.data(), n, sums.data(), stream);
          a.resize(n + 1);
          return a.download(stream);
        },
        n > 10000 ? 1 : 3);
    CHECK(got == expected);
  }
}

TEST_CASE("pairs are sorted by key and stay in order where keys are equal") {
  const struct {
    size_t n;
    int bits;
  } cases[] = {{0, 1}, {1, 3}, {100, 1}, {1024, 4}, {3000, 7}, {2500, 13}};
  for (const auto& c : cases) {
    CAPTURE(c.n);
    const auto keys = numbers(c.n, 1u << c.bits, 3);
    std::vector<uint32_t> order(c.n);
    std::iota(order.begin(), order.end(), 0u);
    const auto given = order;
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
    const auto got = same_under_all_seeds([&] {
      Memory memory;
      Stream stream;
      DeviceArray<uint32_t> k(memory), v(memory), n(memory);
      const size_t capacity = c.n + 1500;  // blocks that have nothing to do
      k.resize(capacity);
      v.resize(capacity);
      k.upload(stream, keys.data(), c.n);
      v.upload(stream, given.data(), c.n);
      const auto count = static_cast<uint32_t>(c.n);
      n.upload(stream, &count, 1);
      Sorter sorter(memory);
      sorter.reserve(capacity);
      sorter.sort(k.data(), v.data(), n.data(), c.bits, stream);
      std::vector<uint32_t> out(2 * c.n);
      stream.download(out.data(), sorter.values(), c.n * sizeof(uint32_t));
      stream.download(out.data() + c.n, sorter.keys(), c.n * sizeof(uint32_t));
      return out;
    });
    for (size_t i = 0; i < c.n; i++) {
      CHECK(got[i] == order[i]);
      CHECK(got[c.n + i] == keys[order[i]]);
    }
  }
}
