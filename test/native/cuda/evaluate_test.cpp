// Tile lists and the forward pass against the CPU: what is evaluated must be the same bits.
#include "model/evaluate.hpp"

#include <algorithm>

#include "cases.hpp"
#include "model/reach.hpp"
#include "on_device.hpp"
#include "seeds.hpp"

using namespace gaussitu;
using namespace gaussitu::cuda;
using cases::OnDevice;

namespace {

template <class T>
std::vector<T> read(const T* from, size_t n, Stream& stream) {
  std::vector<T> out(n);
  stream.download(out.data(), from, n * sizeof(T));
  return out;
}

Lists lists(const ListsView& view, size_t rows, Stream& stream) {
  Lists out;
  out.starts = read(view.starts, rows + 1, stream);
  out.items = read(view.items, out.starts.back(), stream);
  return out;
}

// Of one value or more per sample, beside padding: that belongs to no tile, and what reaches it is chance.
size_t differing(const SampleSet& s, const std::vector<float>& a, const std::vector<float>& b) {
  size_t n = 0;
  for (size_t k = 0; k < a.size(); k++)
    n += (s.source[k % s.x.size()] != kNoSource || s.weight[k % s.x.size()] != 0) &&
         std::memcmp(&a[k], &b[k], 4) != 0;
  return n;
}

}  // namespace

TEST_CASE("lists leave out only pairs of weight 0, are ascending, and little longer than the CPU's") {
  for (const SampleSet& s : cases::all())
    for (const bool needles : {false, true}) {
      const Model m = cases::model(45, s.domain, 2, needles);
      const std::vector<Piece> pieces = gaussitu::cuda::pieces(s);
      SampleSet cut;  // in tiles as the device's
      for (const Piece& p : pieces) {
        Tile& tile = cut.tiles.emplace_back();
        std::copy(p.lo, p.lo + 3, tile.lo);
        std::copy(p.hi, p.hi + 3, tile.hi);
      }
      const Reach expected = find_reach(m, TileTree(cut));
      OnDevice d(m, s);
      const Lists tiles = lists(d.reach.tiles(), m.count(), d.stream);
      const Lists gaussians = lists(d.reach.gaussians(), pieces.size(), d.stream);
      REQUIRE(tiles.items.size() == gaussians.items.size());
      CHECK(tiles.items.size() <= expected.tiles.items.size() + 2 + expected.tiles.items.size() / 50);
      size_t missing = 0;
      for (size_t i = 0; i < m.count(); i++) {
        const auto *begin = tiles.begin(i), *end = begin + tiles.size(i);
        CHECK(std::is_sorted(begin, end));
        for (size_t t = 0; t < pieces.size(); t++) {
          const bool listed = std::binary_search(begin, end, t);
          const auto *first = gaussians.begin(t), *last = first + gaussians.size(t);
          CHECK(std::is_sorted(first, last));
          CHECK(std::binary_search(first, last, i) == listed);
          const uint32_t column = s.columns ? 16 * pieces[t].steps : pieces[t].count;
          for (uint32_t n = 0; n < pieces[t].count && !listed; n++) {
            const uint32_t k = pieces[t].begin + n / column * pieces[t].stride + n % column;
            if (s.source[k] == kNoSource) continue;  // padding lies beside the tile
            Model one = m;
            one.resize(1);
            for (int c = 0; c < 3; c++) one.mu[c][0] = m.mu[c][i];
            for (int c = 0; c < 6; c++) one.a[c][0] = m.a[c][i];
            float cover;
            evaluate_reference(one, s.x[k], s.y[k], s.z[k], &cover);
            missing += cover != 0;
          }
        }
      }
      CHECK(missing == 0);
    }
}

TEST_CASE("values and coverage are the CPU's bits") {
  for (const SampleSet& s : cases::all())
    for (const double sigma : {0.5, 3.0, 100.0}) {
      CAPTURE(sigma);
      CAPTURE(s.x.size());
      const Model m = cases::model(sigma > 50 ? 8 : 40, s.domain, sigma, sigma == 3.0);
      const size_t n = s.x.size();
      std::vector<float> f(n), cover(n);
      evaluate(m, s, f.data(), cover.data());
      f.insert(f.end(), cover.begin(), cover.end());
      const auto got = same_under_all_seeds(
          [&] {
            OnDevice d(m, s);
            DeviceArray<float> out(d.memory);
            out.resize(2 * n);
            evaluate(d.model.view(), d.samples, d.reach.gaussians(), kBackground * m.mean, out.data(),
                     out.data() + n, d.stream);
            return out.download(d.stream);
          },
          sigma == 3.0 ? 3 : 1);
      CHECK(differing(s, got, f) == 0);
    }
}

TEST_CASE("a list longer than what is staged at once goes on in the canonical order") {
  const SampleSet s = cases::grid(12, 8, 5);
  const Model m = cases::model(300, s.domain, 3, false);
  std::vector<float> f(s.x.size());
  evaluate(m, s, f.data());
  OnDevice d(m, s);
  DeviceArray<float> out(d.memory);
  out.resize(f.size());
  evaluate(d.model.view(), d.samples, d.reach.gaussians(), kBackground * m.mean, out.data(), nullptr,
           d.stream);
  CHECK(differing(s, out.download(d.stream), f) == 0);
}

TEST_CASE("a model without Gaussians is its mean") {
  const SampleSet s = cases::grid(8, 8, 8);
  Model none;
  none.mean = 0.25f;
  OnDevice d(none, s);
  DeviceArray<float> out(d.memory);
  out.resize(s.x.size());
  evaluate(d.model.view(), d.samples, d.reach.gaussians(), kBackground * none.mean, out.data(), nullptr,
           d.stream);
  for (const float v : out.download(d.stream)) CHECK(v == doctest::Approx(0.25));
}

TEST_CASE("lists that do not fit are empty, and say what room they need") {
  const SampleSet s = cases::grid(37, 29, 19);
  const Model m = cases::model(45, s.domain, 3, false);
  OnDevice whole(m, s);
  const uint32_t needed = read(whole.reach.wanted(), 1, whole.stream)[0];
  DeviceReach small(whole.memory);
  small.reserve(needed - 1);
  small.find(whole.model.view(), whole.samples, whole.stream);
  CHECK(read(small.wanted(), 1, whole.stream)[0] == needed);
  CHECK(read(small.listed(), 1, whole.stream)[0] == 0);
  CHECK(lists(small.gaussians(), s.tiles.size(), whole.stream).items.empty());
  small.reserve(needed);
  small.find(whole.model.view(), whole.samples, whole.stream);
  CHECK(lists(small.gaussians(), s.tiles.size(), whole.stream).items ==
        lists(whole.reach.gaussians(), s.tiles.size(), whole.stream).items);
}

TEST_CASE("device memory is bounded, with a clear message") {
  const SampleSet s = cases::grid(16, 16, 16);
  Memory memory(10000);
  Stream stream;
  try {
    DeviceSamples(s, memory, stream);
    FAIL("expected Error(no_memory)");
  } catch (const Error& e) {
    CHECK(e.code == Code::no_memory);
    CHECK(std::string(e.what()).find("the limit is 0 MiB") != std::string::npos);
  }
  CHECK(memory.used() == 0);
}
