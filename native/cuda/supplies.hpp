// What the sessions of a card use one after the other, so that none of them waits for the driver to make it:
// device memory, streams, pinned staging.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "device_array.hpp"

namespace gaussitu::cuda {

/// Thread-safe; outlives what it lends.
class Supplies {
 public:
  /// `keep`: whether memory is kept when no stream is out, because it is for this process alone. Else the
  /// driver has it back then, for whoever else computes on the card.
  Supplies(int device, bool keep);
  ~Supplies();
  Supplies(const Supplies&) = delete;

  struct GiveBack {
    Supplies* to;
    void operator()(Stream* stream) const { to->give_back(stream); }
  };
  using Lease = std::unique_ptr<Stream, GiveBack>;

  /// A stream with nothing on it. Its destructor waits for what it was given.
  Lease stream();

  /// Memory that is taken and given back in the order of its stream, so that nothing waits. Null on cards
  /// without pools of memory: there it comes from cudaMalloc.
  cudaMemPool_t pool() const { return pool_; }

 private:
  void give_back(Stream* stream);

  const bool keep_;
  cudaMemPool_t pool_ = nullptr;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Stream>> idle_;  // as many as were ever out together
  size_t out_ = 0;
};

}  // namespace gaussitu::cuda
