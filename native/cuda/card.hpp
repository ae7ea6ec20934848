// One card as a device of the core (native/core/device/device.hpp).
#pragma once
#include <string>

#include "device/device.hpp"
#include "device/memory_budget.hpp"
#include "supplies.hpp"

namespace gaussitu::cuda {

class Card final : public Device {
 public:
  /// `memory`: bytes that all sessions together may hold; 0: most of what is free. Throws Error(unavailable).
  Card(int index, size_t memory);

  std::string name() const override { return "cuda:" + std::to_string(index_); }
  std::string description() const override { return description_; }
  std::unique_ptr<Session> open(const SampleSet& samples, Purpose purpose) override;
  std::unique_ptr<GridSession<float>> open(const GridBlock<float>& block) override {
    return open_grid(block);
  }
  std::unique_ptr<GridSession<double>> open(const GridBlock<double>& block) override {
    return open_grid(block);
  }

  Supplies& supplies() { return supplies_; }

  /// Makes this card the one of the calling thread. Every session does so before its first call.
  void select() const;

 private:
  template <class T>
  std::unique_ptr<GridSession<T>> open_grid(const GridBlock<T>& block);

  int index_;
  std::string description_;
  MemoryBudget budget_;
  Supplies supplies_;
};

}  // namespace gaussitu::cuda
