// Memory of a device: who waits, who is turned away, and what then happens to the block.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "base/error.hpp"
#include "device/device.hpp"
#include "device/memory_budget.hpp"
#include "encode/encode.hpp"
#include "fields.hpp"

using namespace gaussitu;

TEST_CASE("more than there ever is gets nothing, at once") {
  MemoryBudget budget(100);
  const auto some = budget.reserve(60);
  CHECK(some->bytes() == 60);
  CHECK(budget.reserve(101) == nullptr);
  CHECK(budget.reserve(40) != nullptr);
}

TEST_CASE("what does not fit now waits until it does; a large block is not overtaken") {
  MemoryBudget budget(100);
  auto first = budget.reserve(60);
  std::atomic<int> order{0}, large{0}, small{0};
  std::thread waits([&] {
    const auto held = budget.reserve(90);
    large = ++order;
  });
  while (budget.waiting() == 0) std::this_thread::yield();
  std::thread later([&] {
    const auto held = budget.reserve(30);  // would fit now
    small = ++order;
  });
  while (budget.waiting() < 2) std::this_thread::yield();
  CHECK(order == 0);
  first.reset();
  waits.join();
  later.join();
  CHECK(large == 1);
  CHECK(small == 2);
}

namespace {

/// The CPU under another name, with as much memory as a test says.
class Small final : public Device {
 public:
  enum class Fails { at_once, later, broken };
  explicit Small(Fails fails) : fails_(fails) {}
  std::string name() const override { return "small"; }
  std::string description() const override { return "for tests"; }
  std::unique_ptr<Session> open(const SampleSet& samples, Purpose) override {
    if (fails_ == Fails::at_once) return nullptr;
    return std::make_unique<Failing>(samples, fails_);
  }
  std::unique_ptr<GridSession<float>> open(const GridBlock<float>&) override { return nullptr; }
  std::unique_ptr<GridSession<double>> open(const GridBlock<double>&) override { return nullptr; }

 private:
  class Failing final : public Session {
   public:
    Failing(const SampleSet& samples, Fails fails) : samples_(samples), fails_(fails) {}
    std::string device() const override { return "small"; }
    const SampleSet& samples() const override { return samples_; }
    void evaluate(const Model&, float*, float*) override { fail(); }
    TrainResult train(Model&, const TrainSettings&, const Control&) override { fail(); }
    void solve_values(Model&, int, const Control&) override { fail(); }
    double linearise(const Model&, size_t, size_t, std::vector<Moments>&) override { fail(); }
    std::vector<float> costs(const Model&) override { fail(); }
    std::vector<float> residuals(const Model&) override { fail(); }

   private:
    [[noreturn]] void fail() const {
      throw Error(fails_ == Fails::later ? Code::no_memory : Code::unavailable, "this session fails");
    }
    const SampleSet& samples_;
    Fails fails_;
  };
  Fails fails_;
};

/// The device of this process as long as it lives.
struct InUse {
  explicit InUse(Small::Fails fails) { use_device(std::make_shared<Small>(fails)); }
  ~InUse() { use_device(nullptr); }
};

EncodeResult encode_wave() {
  const auto values = fields::wave_on_grid(16, 12, 8);
  EncodeSettings settings;
  settings.target.bytes = 400;
  settings.iterations = 4;
  return encode(fields::grid(16, 12, 8), Association::node, fields::view(values), settings, {});
}

}  // namespace

TEST_CASE("a block that does not fit on the device is encoded on the CPU, to the same bytes") {
  const EncodeResult own = encode_wave();
  CHECK(own.device == "cpu");
  for (const auto fails : {Small::Fails::at_once, Small::Fails::later}) {
    const InUse device(fails);
    const EncodeResult r = encode_wave();
    CHECK(r.device == "cpu");
    CHECK(r.payload == own.payload);
  }
}

TEST_CASE("a device that breaks is an error, not a quiet change of device") {
  const InUse device(Small::Fails::broken);
  CHECK_THROWS_WITH_AS(encode_wave(), "this session fails", Error);
}
