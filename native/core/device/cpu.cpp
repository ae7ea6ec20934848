// The CPU behind the interface of devices: model/evaluate and train/ as they are.
#include <optional>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "device/device.hpp"
#include "model/evaluate.hpp"
#include "model/reach.hpp"
#include "train/pass_fit.hpp"

namespace gaussitu {

namespace {

class CpuSession final : public Session {
 public:
  explicit CpuSession(const SampleSet& samples) : samples_(samples), tree_(samples) {}

  std::string device() const override { return "cpu"; }
  const SampleSet& samples() const override { return samples_; }

  void evaluate(const Model& model, float* out, float* cover) override {
    gaussitu::evaluate(model, samples_, tree_, out, cover);
  }
  TrainResult train(Model& model, const TrainSettings& settings, const Control& control) override {
    return gaussitu::train(model, samples_, settings, control);
  }
  void solve_values(Model& model, int iterations, const Control& control) override {
    gaussitu::solve_values(model, samples_, iterations, control);
  }

  double linearise(const Model& model, size_t first, size_t stride, std::vector<Moments>& out) override {
    return fit().linearise(model, first, stride, out);
  }
  std::vector<float> costs(const Model& model) override { return fit().costs(model); }
  std::vector<float> residuals(const Model& model) override { return fit().residuals(model); }

 private:
  PassFit& fit() {
    if (!fit_) fit_.emplace(samples_);
    return *fit_;
  }

  const SampleSet& samples_;
  TileTree tree_;
  std::optional<PassFit> fit_;
};

class CpuDevice final : public Device {
 public:
  std::string name() const override { return "cpu"; }
  std::string description() const override {
    return std::to_string(thread_count()) + " threads, " + instruction_set_name();
  }
  std::unique_ptr<Session> open(const SampleSet& samples, Purpose) override {
    return std::make_unique<CpuSession>(samples);
  }
  std::unique_ptr<GridSession<float>> open(const GridBlock<float>&) override { return nullptr; }
  std::unique_ptr<GridSession<double>> open(const GridBlock<double>&) override { return nullptr; }
};

}  // namespace

Device& cpu_device() {
  static CpuDevice cpu;
  return cpu;
}

}  // namespace gaussitu
