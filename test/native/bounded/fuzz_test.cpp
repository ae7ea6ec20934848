// A million damaged payloads of every kind: refused or decoded to something, never worse, and never a memory
// request that a small block does not explain.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <random>

#include "base/error.hpp"
#include "bounded/bounded.hpp"
#include "references.hpp"

using namespace gaussitu;

namespace {

constexpr int kMutations = 1000000;
constexpr size_t kMostMemory = 1 << 20;  // in one request: a decoder's tables take tens of kilobytes
size_t largest_request = 0;

}  // namespace

#ifndef __SANITIZE_ADDRESS__  // which has its own, and its own limit
[[gnu::noinline]] void* operator new(size_t bytes) {
  largest_request = std::max(largest_request, bytes);
  void* p = std::malloc(bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
#endif

namespace {

struct Target {
  std::shared_ptr<const Layout> layout;
  Dtype dtype;
  std::vector<uint8_t> payload;
  BoundedReferences references;
};

template <class T>
std::vector<T> values(size_t n, double phase, bool special) {
  std::vector<T> v(n);
  for (size_t i = 0; i < n; i++) v[i] = T(std::sin(1.7 * double(i) + phase) + 0.1 * double(i % 3));
  if (special) {
    v[1] = T(1e20);
    v[n / 2] = std::numeric_limits<T>::quiet_NaN();
  }
  return v;
}

template <class T>
void add_targets(const std::shared_ptr<const Layout>& layout, std::vector<Target>& out) {
  constexpr Dtype dtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
  const size_t n = layout->size();
  const double fill = 1e20;
  const auto code_to = [&](const std::vector<T>& v, BoundTarget target, const BoundedReferences& offered) {
    return encode_bounded(*layout, {v.data(), dtype, n, 1}, target, std::span(&fill, 1), offered);
  };
  const auto code = [&](const std::vector<T>& v, double bound, const BoundedReferences& offered) {
    return code_to(v, {bound, 0}, offered);
  };
  const auto first = code(values<T>(n, 0, false), 0.05, {});
  const auto sibling = code(values<T>(n, 0.3, false), 0.05, {});
  out.push_back({layout, dtype, first.payload, {}});
  out.push_back({layout, dtype, code(values<T>(n, 1, true), 1e-5, {}).payload, {}});
  out.push_back({layout, dtype, code(values<T>(n, 2, true), 0, {}).payload, {}});
  out.push_back({layout, dtype, code_to(values<T>(n, 2, true), {-1, 0, 1e-2}, {}).payload, {}});
  const BoundedReferences offered{{first.state, sibling.state}, {sibling.state}};
  const auto streamed = code(values<T>(n, 0.1, true), 0.01, offered);
  out.push_back({layout, dtype, streamed.payload, used_of(offered, streamed)});
}

std::vector<Target> targets() {
  std::vector<double> lattice, scattered;
  for (int i = 0; i < 12; i++) {
    lattice.insert(lattice.end(), {double(i % 3), double(i / 3 % 2), 0.5 * (i / 6)});
    scattered.insert(scattered.end(), {std::cos(i * 1.0), std::sin(i * 2.0), 0.1 * i * i});
  }
  const auto cloud = [](const std::vector<double>& xyz) {
    MeshView mesh;
    mesh.kind = MeshKind::points;
    mesh.points = {xyz.data(), Dtype::f64, xyz.size(), 1};
    return make_layout(mesh, Association::node);
  };
  MeshView grid;
  grid.dims = {4, 3, 2};
  std::vector<Target> out;
  for (const auto& layout : {make_layout(grid, Association::node), cloud(lattice), cloud(scattered)}) {
    add_targets<float>(layout, out);
    add_targets<double>(layout, out);
  }
  return out;
}

std::vector<uint8_t> damage(std::vector<uint8_t> bytes, std::mt19937& random) {
  switch (random() % 4) {
    case 0:
      bytes.resize(random() % (bytes.size() + 1));
      break;
    case 1:
      bytes.insert(bytes.begin() + long(random() % (bytes.size() + 1)), random() % 9, uint8_t(random()));
      break;
    case 2:  // numbers at the edges of their ranges
      for (uint32_t k = 1 + random() % 8; k > 0 && !bytes.empty(); k--)
        bytes[random() % bytes.size()] = random() % 2 ? 0xff : 0x00;
      break;
    default:
      for (uint32_t k = 1 + random() % 3; k > 0 && !bytes.empty(); k--)
        bytes[random() % bytes.size()] ^= uint8_t(1u << random() % 8);
  }
  return bytes;
}

}  // namespace

TEST_CASE("a million damaged payloads throw or decode to something, never worse") {
  const std::vector<Target> all = targets();
  std::mt19937 random(77);
  size_t refused = 0, decoded = 0;
  largest_request = 0;
  for (int round = 0; round < kMutations; round++) {
    const Target& target = all[size_t(round) % all.size()];
    const auto bad = damage(target.payload, random);
    try {
      const auto out = decode_bounded(*target.layout, target.dtype, bad, target.references);
      if (out.state->size() != target.layout->size()) FAIL("wrong size");
      decoded++;
    } catch (const Error& e) {
      if (e.code != Code::corrupt_stream && e.code != Code::unsupported) FAIL(e.what());
      refused++;
    }
  }
  MESSAGE(refused << " refused, " << decoded << " decoded, largest request " << largest_request << " bytes");
  CHECK(refused > kMutations / 10);
  CHECK(decoded > kMutations / 10);
  CHECK(largest_request < kMostMemory);
}
