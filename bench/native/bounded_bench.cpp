// Seconds of error-bounded coding of raw f32 steps of a grid, and the bytes:
//   bounded_bench NX NY NZ RELATIVE_BOUND STEP.f32... (oldest first; the last one is coded, alone and after
//   the two before it)
// Prints one line per history and thread count: compress (with the decode that certifies), decompress, best
// of nine (or of ROUNDS), and the gains over one thread beside what the machine gives two independent
// blocks at once. All take turns: a shared machine is not the same from one second to the next.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

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

struct Times {
  double compress = 1e9, decompress = 1e9;
  size_t bytes = 0;

  void keep(const Times& t) {
    compress = std::min(compress, t.compress);
    decompress = std::min(decompress, t.decompress);
    bytes = t.bytes;
  }
};

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
  const auto code = [&](const BoundedReferences& references) {
    Times t;
    double began = seconds();
    const auto coded =
        encode_bounded(*layout, {values.data(), Dtype::f32, values.size(), 1}, target, {}, references);
    t.compress = seconds() - began;
    began = seconds();
    decode_bounded(*layout, Dtype::f32, coded.payload, references);
    t.decompress = seconds() - began;
    t.bytes = coded.payload.size();
    return t;
  };
  const char* rounds_text = std::getenv("ROUNDS");
  const int rounds = rounds_text ? std::atoi(rounds_text) : 9;
  for (const bool with : {false, true}) {
    const BoundedReferences& references = with ? history : BoundedReferences{};
    Times best[2], apart;  // apart: two independent blocks at once, a thread each
    for (int round = 0; round < rounds; round++) {
      for (const unsigned threads : {1u, 2u}) {
        set_thread_count(threads);
        best[threads - 1].keep(code(references));
      }
      set_thread_count(1);
      Times other;
      std::thread beside([&] { other = code(references); });
      Times own = code(references);
      beside.join();
      own.compress = std::max(own.compress, other.compress);
      own.decompress = std::max(own.decompress, other.decompress);
      apart.keep(own);
    }
    for (const Times& b : best)
      std::printf("%-8s %d threads: compress %.4f s, decompress %.4f s, %zu bytes, %.2f:1\n",
                  with ? "history" : "alone", int(1 + &b - best), b.compress, b.decompress, b.bytes,
                  double(4 * values.size()) / double(b.bytes));
    std::printf(
        "         two threads gain x %.2f and x %.2f; what this machine gives two independent blocks: "
        "x %.2f and x %.2f\n",
        best[0].compress / best[1].compress, best[0].decompress / best[1].decompress,
        2 * best[0].compress / apart.compress, 2 * best[0].decompress / apart.decompress);
  }
}
