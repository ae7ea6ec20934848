#include "base/error.hpp"
#include "card.hpp"
#include "grid.hpp"
#include "launch.hpp"
#include "session.hpp"

namespace gaussitu::cuda {

namespace {

constexpr double kShare = 0.9;  // of the free memory, where no setting says how much
constexpr int kOldest = 75;     // compute capability, times ten, that this library has code for

void check(cudaError_t status, const std::string& what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw Error(Code::unavailable, "Expected " + what + " but received " + cudaGetErrorString(status));
}

std::string gigabytes(size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) * 1e-9);
  return text;
}

size_t bound(int index, size_t memory) {
  check(cudaSetDevice(index), "card " + std::to_string(index));
  size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "the memory of card " + std::to_string(index));
  if (memory == 0) return static_cast<size_t>(kShare * static_cast<double>(free));
  if (memory > free)
    throw Error(Code::unavailable, "Expected " + gigabytes(memory) +
                                       " on device cuda:" + std::to_string(index) + " but received " +
                                       gigabytes(free) + " free of " + gigabytes(total) +
                                       "; --device-memory says how much may be used");
  return memory;
}

}  // namespace

Card::Card(int index, size_t memory)
    : index_(index), budget_(bound(index, memory)), supplies_(index, memory > 0) {
  cudaDeviceProp card{};
  check(cudaGetDeviceProperties(&card, index), "the properties of card " + std::to_string(index));
  if (10 * card.major + card.minor < kOldest)
    throw Error(Code::unavailable,
                std::string("Expected a card of compute capability 7.5 or newer but received ") + card.name +
                    " of " + std::to_string(card.major) + "." + std::to_string(card.minor));
  description_ = std::string(card.name) + ", sm_" + std::to_string(10 * card.major + card.minor) + ", " +
                 gigabytes(budget_.limit()) + " of " + gigabytes(card.totalGlobalMem);
}

void Card::select() const {
  check(cudaSetDevice(index_), name());
}

template <class T>
std::unique_ptr<GridSession<T>> Card::open_grid(const GridBlock<T>& block) {
  auto held = budget_.reserve(grid_bytes(block));
  if (!held) return nullptr;
  select();
  return make_grid_session(block, supplies_, std::move(held));
}
template std::unique_ptr<GridSession<float>> Card::open_grid(const GridBlock<float>&);
template std::unique_ptr<GridSession<double>> Card::open_grid(const GridBlock<double>&);

std::unique_ptr<Session> Card::open(const SampleSet& samples, Purpose purpose) {
  auto held = budget_.reserve(session_bytes(samples, purpose));
  if (!held) return nullptr;
  select();
  return make_session(*this, samples, purpose, std::move(held));
}

}  // namespace gaussitu::cuda
