// Any shape, any value, any bound: the bound holds, special values come back exactly, and bytes and decoded
// values are the same bits on every instruction set and any number of threads.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "base/error.hpp"
#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "bounded/bounded.hpp"
#include "references.hpp"

using namespace gaussitu;

namespace {

using Random = std::mt19937_64;

template <class T>
T any_value(Random& random) {
  constexpr T kSpecial[] = {std::numeric_limits<T>::quiet_NaN(),
                            std::numeric_limits<T>::infinity(),
                            -std::numeric_limits<T>::infinity(),
                            T(-0.0),
                            T(0),
                            std::numeric_limits<T>::denorm_min(),
                            -std::numeric_limits<T>::min() / 2,
                            std::numeric_limits<T>::max(),
                            std::numeric_limits<T>::lowest(),
                            T(1e20)};
  const uint64_t bits = random();
  if (bits % 8 == 0) return kSpecial[bits / 8 % std::size(kSpecial)];
  T v;
  const uint64_t any = random();
  std::memcpy(&v, &any, sizeof v);
  return v;
}

/// Smooth, noisy, wild, constant, whole numbers, or smooth with holes; of any magnitude.
template <class T>
std::vector<T> any_field(size_t n, size_t nx, Random& random) {
  const auto kind = random() % 6;
  const int exponent = int(random() % 60) - 30;
  const double scale = std::pow(10.0, exponent), offset = random() % 3 == 0 ? 1e4 * scale : 0;
  std::vector<T> v(n);
  for (size_t i = 0; i < n; i++) {
    const double noise = double(random() >> 11) / 9007199254740992.0 - 0.5;
    const double wave = std::sin(0.2 * double(i % nx)) * std::cos(0.15 * double(i / nx));
    if (kind == 0) v[i] = T(offset + scale * wave);
    if (kind == 1) v[i] = T(offset + scale * (wave + noise));
    if (kind == 2) v[i] = any_value<T>(random);
    if (kind == 3) v[i] = T(offset);
    if (kind == 4) v[i] = T(std::round(40 * wave));
    if (kind == 5) v[i] = random() % 20 == 0 ? any_value<T>(random) : T(offset + scale * wave);
  }
  return v;
}

template <class T>
double range_of(const std::vector<T>& v) {
  double lo = INFINITY, hi = -INFINITY;
  for (const T x : v) {
    if (!std::isfinite(x)) continue;
    lo = std::min(lo, double(x));
    hi = std::max(hi, double(x));
  }
  return hi > lo ? std::min(hi - lo, 1e300) : 1;  // the range itself may be beyond the largest number
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
void check_values(const std::vector<T>& in, const std::vector<T>& out, double bound, T fill) {
  size_t broken = 0;
  for (size_t i = 0; i < in.size(); i++) {
    const T x = in[i], y = out[i];
    const bool special =
        !std::isfinite(x) || x == fill || (x == 0 && std::signbit(x)) || std::fpclassify(x) == FP_SUBNORMAL;
    if (std::isnan(x))
      broken += !std::isnan(y);
    else if (special)
      broken += std::memcmp(&x, &y, sizeof x) != 0;
    else
      broken += !(std::fabs(double(x) - double(y)) <= bound);
  }
  CHECK(broken == 0);
}

struct Machine {
  const char* set;
  unsigned threads;
};

template <class T>
void check_everywhere(const Layout& layout, size_t nx, Random& random, std::span<const Machine> machines) {
  constexpr Dtype dtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
  const size_t n = layout.size();
  const auto values = any_field<T>(n, nx, random);
  const double fill = 1e20;
  BoundedReferences offered;
  const auto state_of = [&](const std::vector<T>& v) {
    return encode_bounded(layout, {v.data(), dtype, n, 1}, BoundTarget{1e-3 * range_of(v), 0}, {}, {}).state;
  };
  auto moved = values;
  for (T& x : moved) x *= T(1.001);
  if (random() % 2) offered.earlier.push_back(state_of(moved));
  if (random() % 3 == 0) offered.earlier.push_back(state_of(any_field<T>(n, nx, random)));
  if (random() % 3 == 0) offered.siblings.push_back(state_of(any_field<T>(n, nx, random)));
  const double bounds[] = {0, 1e-9, 1e-4, 1e-2, 0.3, 2, 1e5};
  const BoundTarget target{bounds[random() % 7] * range_of(values), 0};

  std::vector<uint8_t> payload;
  std::vector<T> expected;
  for (const Machine& machine : machines) {
    CAPTURE(std::string(machine.set));
    CAPTURE(machine.threads);
    set_instruction_set(machine.set);
    set_thread_count(machine.threads);
    const auto coded =
        encode_bounded(layout, {values.data(), dtype, n, 1}, target, std::span(&fill, 1), offered);
    const BoundedReferences used = used_of(offered, coded);
    const auto decoded = decode_bounded(layout, dtype, coded.payload, used);
    const auto& back = std::get<Array<T>>(decoded.values());
    const std::vector<T> out(back.begin(), back.end());
    if (payload.empty()) {
      payload = coded.payload;
      expected = out;
      check_values(values, out, coded.bound, T(fill));
      CHECK(coded.bound <= target.absolute);
      CHECK(payload.size() <= size_t(1.01 * double(n * sizeof(T))) + 40);
    }
    CHECK(coded.payload == payload);
    CHECK(same_bits(out, expected));
  }
}

/// Each instruction set of this processor once, with different numbers of threads.
std::vector<Machine> machines() {
  std::vector<Machine> out;
  const std::string own = instruction_set_name();
  for (const Machine m : {Machine{"scalar", 1}, {"avx2", 2}, {"avx512", 4}, {"scalar", 3}}) {
    try {
      set_instruction_set(m.set);
      out.push_back(m);
    } catch (const Error&) {
      MESSAGE("this processor has no " << m.set);
    }
  }
  set_instruction_set(own);
  return out;
}

struct Settings {
  std::string set = instruction_set_name();
  unsigned threads = thread_count();
  ~Settings() {
    set_instruction_set(set);
    set_thread_count(threads);
  }
};

}  // namespace

TEST_CASE("any grid and any cloud, any values, any bound, any machine") {
  const Settings before;
  const auto all = machines();
  Random random(2024);
  constexpr uint32_t kSides[] = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 37};
  for (int round = 0; round < 150; round++) {
    MeshView grid;
    for (auto& side : grid.dims) side = kSides[random() % std::size(kSides)];
    if (round == 0) grid.dims = {1, 1, 1};
    if (round % 10 == 1) grid.dims = {uint32_t(1 + random() % 3000), 1, 1};
    const size_t n = size_t{grid.dims[0]} * grid.dims[1] * grid.dims[2];
    CAPTURE(round);
    CAPTURE(n);
    auto layout = make_layout(grid, Association::node);
    std::vector<double> xyz;
    if (round % 3 == 2 && n < 3000) {
      MeshView cloud;
      cloud.kind = MeshKind::points;
      for (size_t i = 0; i < 3 * n; i++) xyz.push_back(double(random() % 1000));
      cloud.points = {xyz.data(), Dtype::f64, xyz.size(), 1};
      layout = make_layout(cloud, Association::node);
    }
    if (round % 2)
      check_everywhere<float>(*layout, grid.dims[0], random, all);
    else
      check_everywhere<double>(*layout, grid.dims[0], random, all);
  }
}

TEST_CASE("levels that are coded in chunks, on any machine") {
  const Settings before;
  const auto all = machines();
  Random random(7);
  for (const auto& dims : {std::array<uint32_t, 3>{211, 61, 13}, {150000, 1, 1}, {3, 5, 9973}}) {
    MeshView grid;
    grid.dims = dims;
    const auto layout = make_layout(grid, Association::node);
    check_everywhere<float>(*layout, dims[0], random, all);
    check_everywhere<double>(*layout, dims[0], random, all);
  }
}
