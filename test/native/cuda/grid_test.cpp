// Blocks within a bound whose predictions, codes and learning sums come from the kernels: the stream and the
// decoded values must be the CPU's bytes, for any shape, type, reference, mask and lattice.
#include <array>
#include <cmath>
#include <limits>

#include "card.hpp"
#include "real_fields.hpp"
#include "residual/structured.hpp"
#include "seeds.hpp"

using namespace gaussitu;

namespace {

/// The emulated card is the device of the process as long as it lives.
struct OnCard {
  explicit OnCard(size_t memory = size_t{1} << 30) { use_device(std::make_shared<cuda::Card>(0, memory)); }
  ~OnCard() { use_device(nullptr); }
};

template <class T>
struct Coded {
  std::vector<uint8_t> bytes;
  DecodedBlock<T> block;
};

template <class T>
struct Case {
  GridShape shape;
  std::vector<T> values;
  std::vector<uint8_t> skip;
  std::vector<std::vector<T>> arrays;  // of the references
  std::vector<std::vector<uint8_t>> magnitudes;
  std::vector<Reference> references;

  Case(std::array<int64_t, 3> dims, size_t earlier, size_t siblings, bool mask, bool lattice, uint64_t seed) {
    shape.dims = dims;
    fields::Random random(seed);
    const size_t n = shape.size();
    const auto wave = [&](size_t i, double shift) {
      const auto x = static_cast<double>(i % size_t(dims[0])),
                 y = static_cast<double>(i / size_t(dims[0]) % size_t(dims[1])),
                 z = static_cast<double>(i / shape.stride(2));
      return std::sin(0.3 * x + shift) * std::cos(0.2 * y) + 0.5 * std::sin(0.25 * z + 0.1 * x) +
             0.01 * random.in(-1, 1);
    };
    for (size_t i = 0; i < n; i++) {
      const double v = wave(i, 0);
      values.push_back(static_cast<T>(lattice ? std::nearbyint(v * 64) : v));
      if (mask) skip.push_back(random.unit() < 0.2);
      if (random.unit() < 0.002)
        values.back() = static_cast<T>(1e30 * random.in(-1, 1));  // beyond every code
      if (mask && skip.back()) values.back() = std::numeric_limits<T>::quiet_NaN();
    }
    for (size_t r = 0; r < earlier + siblings; r++) {
      auto& a = arrays.emplace_back();
      auto& m = magnitudes.emplace_back();
      for (size_t i = 0; i < n; i++)
        a.push_back(static_cast<T>(wave(i, 0.05 * double(r + 1)) * (lattice ? 64 : 1)));
      for (size_t i = 0; i < n; i++) m.push_back(static_cast<uint8_t>(random.in(0, 9)));
    }
    for (size_t r = 0; r < arrays.size(); r++)
      references.push_back({arrays[r].data(), r < earlier ? magnitudes[r].data() : nullptr, r < earlier});
  }

  Coded<T> encode(double bound) const {
    Coded<T> out;
    out.bytes = encode_structured<T>(shape, values.data(), skip.empty() ? nullptr : skip.data(), bound,
                                     references, out.block);
    return out;
  }
};

template <class T>
void check_same(const Case<T>& c, double bound, uint64_t seeds = 1) {
  const Coded<T> cpu = c.encode(bound);
  const OnCard card;
  const uint64_t before = emulation::launches();
  Coded<T> got;
  same_under_all_seeds(
      [&] {
        got = c.encode(bound);
        return got.bytes;
      },
      seeds);
  CHECK((c.shape.size() < 2 || emulation::launches() > before));
  CHECK(got.bytes == cpu.bytes);
  CHECK(std::memcmp(got.block.values.data(), cpu.block.values.data(), cpu.block.values.size() * sizeof(T)) ==
        0);
  CHECK(got.block.magnitudes == cpu.block.magnitudes);
}

constexpr std::array<int64_t, 3> kShapes[] = {{1, 1, 1},  {2, 1, 1},  {3, 2, 1}, {40, 1, 1},   {1, 37, 1},
                                              {1, 1, 33}, {17, 9, 1}, {7, 8, 9}, {33, 18, 12}, {20, 5, 31}};

}  // namespace

TEST_CASE("any shape, both types, with and without references, masks and lattices: the CPU's bytes") {
  uint64_t seed = 1;
  for (const auto& dims : kShapes)
    for (const bool mask : {false, true})
      for (const bool lattice : {false, true}) {
        CAPTURE(dims[0]);
        CAPTURE(dims[1]);
        CAPTURE(dims[2]);
        seed++;
        check_same(Case<float>(dims, seed % 3, seed % 2, mask, lattice, seed), lattice ? 1.5 : 1e-3);
        check_same(Case<double>(dims, (seed + 1) % 3, (seed + 1) % 3, mask, lattice, seed),
                   lattice ? 0.5 : 1e-5);
      }
}

TEST_CASE("two earlier steps, two siblings and a model's values at once") {
  check_same(Case<float>({24, 20, 16}, 3, 2, true, false, 7), 1e-2);
  check_same(Case<double>({24, 20, 16}, 3, 2, false, false, 8), 1e-2);
}

TEST_CASE("the order in which threads and blocks run changes nothing") {
  check_same(Case<float>({33, 18, 12}, 1, 1, false, false, 3), 1e-3, 4);
}

TEST_CASE("passes that are learned from a sample of their targets, and coded in parallel parts") {
  check_same(Case<float>({96, 64, 24}, 1, 0, false, false, 5), 1e-3);
}

TEST_CASE("a card with too little memory leaves the block to the CPU") {
  const Case<float> c({33, 18, 12}, 1, 1, false, false, 3);
  const Coded<float> cpu = c.encode(1e-3);
  const OnCard card(10000);
  const uint64_t before = emulation::launches();
  CHECK(c.encode(1e-3).bytes == cpu.bytes);
  CHECK(emulation::launches() == before);
}

namespace {

/// Step after step of real fields as an archive has them: each after up to two earlier ones, as decoded and
/// with the magnitudes of their codes, and after the same step of `siblings` as decoded.
template <class T>
void check_stream(std::array<int64_t, 3> dims, const std::vector<std::vector<std::vector<float>>>& fields,
                  double relative) {
  std::vector<std::vector<DecodedBlock<T>>> decoded(fields.size());
  for (size_t step = 0; step < fields[0].size(); step++)
    for (size_t field = 0; field < fields.size(); field++) {
      CAPTURE(step);
      CAPTURE(field);
      Case<T> c({1, 1, 1}, 0, 0, false, false, 1);
      c.shape.dims = dims;
      const std::vector<float>& values = fields[field][step];
      REQUIRE(values.size() == c.shape.size());
      c.values.assign(values.begin(), values.end());
      T lo = std::numeric_limits<T>::infinity(), hi = -lo;
      for (const T v : c.values)
        if (v == v) {
          lo = std::min(lo, v);
          hi = std::max(hi, v);
        } else {
          c.skip.resize(c.values.size());
        }
      for (size_t i = 0; i < c.skip.size(); i++) c.skip[i] = c.values[i] != c.values[i];
      for (size_t back = 1; back <= std::min<size_t>(step, 2); back++) {
        const auto& earlier = decoded[field][step - back];
        c.references.push_back({earlier.values.data(), earlier.magnitudes.data(), true});
      }
      for (size_t other = 0; other < field; other++)
        c.references.push_back({decoded[other][step].values.data(), nullptr, false});
      const double bound = relative * (static_cast<double>(hi) - static_cast<double>(lo));
      check_same(c, bound);
      decoded[field].push_back(c.encode(bound).block);
    }
}

}  // namespace

TEST_CASE("streams of real steps, each after decoded ones and beside decoded siblings: the CPU's bytes") {
  const std::string data = fields::data_folder();
  if (data.empty()) return;
  const auto steps = [&](const char* name, const real_fields::Corner& from, const real_fields::Corner& size) {
    std::vector<std::vector<float>> out;
    for (const char* step : {"_000.f32", "_001.f32", "_002.f32"})
      out.push_back(real_fields::block(data, (std::string(name) + step).c_str(), from, size));
    return out;
  };
  const real_fields::Corner at{40, 24, 16}, size{48, 40, 24};
  check_stream<float>({48, 40, 24}, {steps("dns_decay/u", at, size), steps("dns_decay/p", at, size)}, 1e-3);
  check_stream<double>({48, 40, 24}, {steps("dns_decay/scalar", at, size)}, 1e-4);
  check_stream<float>({48, 40, 24}, {steps("gray_scott/u", at, size), steps("gray_scott/v", at, size)}, 1e-2);
  const real_fields::Corner globe{180, 170, 1};
  check_stream<float>(
      {180, 170, 1},
      {{real_fields::sea(data, "tos_000.f32", {}, globe), real_fields::sea(data, "tos_001.f32", {}, globe),
        real_fields::sea(data, "tos_002.f32", {}, globe)}},
      1e-3);
}
