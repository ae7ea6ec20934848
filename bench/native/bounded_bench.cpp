// Seconds of error-bounded coding of raw f32 steps of a grid, and the bytes:
//   bounded_bench NX NY NZ RELATIVE_BOUND STEP.f32... (oldest first; the last one is coded, alone and after
//   the two before it)
// Prints one line per history and thread count: compress (with the decode that certifies), decompress, best
// of nine.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/thread_pool.hpp"
#include "bounded/bounded.hpp"

using namespace gaussitu;

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<float> read(const char* path, size_t count) {
  std::vector<float> v(count);
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(v.data()), long(4 * count));
  return v;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return std::fprintf(stderr, "usage: bounded_bench NX NY NZ BOUND STEP.f32...\n"), 2;
  MeshView mesh;
  for (int k = 0; k < 3; k++) mesh.dims[size_t(k)] = uint32_t(std::atoi(argv[1 + k]));
  const auto layout = make_layout(mesh, Association::node);
  const BoundTarget target{-1, std::atof(argv[4])};
  BoundedReferences history;
  std::vector<float> values;
  for (int i = 5; i < argc; i++) {
    values = read(argv[i], layout->size());
    if (i + 1 == argc) break;
    const auto coded =
        encode_bounded(*layout, {values.data(), Dtype::f32, values.size(), 1}, target, {}, history);
    history.earlier.insert(history.earlier.begin(), coded.state);
    if (history.earlier.size() > kMaxEarlier) history.earlier.pop_back();
  }
  const char* rounds_text = std::getenv("ROUNDS");
  const int rounds = rounds_text ? std::atoi(rounds_text) : 9;
  for (const bool with : {false, true}) {
    const BoundedReferences& references = with ? history : BoundedReferences{};
    for (const unsigned threads : {1u, 2u}) {
      set_thread_count(threads);
      double encode = 1e9, decode = 1e9;
      size_t bytes = 0;
      for (int round = 0; round < rounds; round++) {
        double began = seconds();
        const auto coded =
            encode_bounded(*layout, {values.data(), Dtype::f32, values.size(), 1}, target, {}, references);
        encode = std::min(encode, seconds() - began);
        began = seconds();
        decode_bounded(*layout, Dtype::f32, coded.payload, references);
        decode = std::min(decode, seconds() - began);
        bytes = coded.payload.size();
      }
      std::printf("%-8s %u threads: compress %.4f s, decompress %.4f s, %zu bytes, %.2f:1\n",
                  with ? "history" : "alone", threads, encode, decode, bytes,
                  double(4 * values.size()) / double(bytes));
    }
  }
}
