// One interface for everything that can train and evaluate models: the processor's cores (cpu.cpp) and CUDA
// cards (native/cuda, a library of its own, library.hpp). An operation is a whole training or a whole
// evaluation, so that samples, lists and optimiser state stay where the work is done.
//
// Whatever the device: evaluate() gives the same bits (model/evaluate.hpp); what training gives is
// deterministic on one device, and differs between devices by rounding.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/model.hpp"
#include "residual/grid_session.hpp"
#include "sample/sample_set.hpp"
#include "train/moments.hpp"
#include "train/resize_model.hpp"
#include "train/train.hpp"

namespace gaussitu {

/// Work on one sample set, which is on the device as long as the session lives. For one thread at a time; the
/// sessions of different threads run side by side (CUDA: each has a stream and pinned staging of its own).
/// Every call returns when its results are on the host. May throw Error: cancelled, unavailable (the device
/// failed), no_memory (what it needs besides the samples, which depends on the model, does not fit).
class Session : public Fit {
 public:
  /// Name of the device, as Device::name().
  virtual std::string device() const = 0;
  virtual const SampleSet& samples() const = 0;

  /// Scaled values f at the samples, canonical. `out` [padded samples]; `cover`, when given, sum_i w_i.
  virtual void evaluate(const Model& model, float* out, float* cover = nullptr) = 0;

  /// train(), solve_values() of train/train.hpp.
  virtual TrainResult train(Model& model, const TrainSettings& settings, const Control& control) = 0;
  virtual void solve_values(Model& model, int iterations, const Control& control) = 0;

  /// The sum of squared errors of the model, and in `out` the moments of Gaussians first, first + stride, ...
  /// (none from count() on).
  virtual double linearise(const Model& model, size_t first, size_t stride, std::vector<Moments>& out) = 0;
};

/// What a session will be asked for: evaluate() alone needs less memory.
enum class Purpose : uint8_t { evaluation, training };

/// Outlives its sessions; all calls are thread-safe.
class Device {
 public:
  virtual ~Device() = default;
  /// "cpu", "cuda:0": as a user chooses it and as a certificate records it.
  virtual std::string name() const = 0;
  /// For people: model, memory, instruction set.
  virtual std::string description() const = 0;

  /// Borrows `samples`. Null when they do not fit into the memory that the device may use. Waits while other
  /// sessions hold that memory: whether a block fits depends on the block and the setting alone. A thread
  /// that holds a session must therefore not open another.
  virtual std::unique_ptr<Session> open(const SampleSet& samples, Purpose purpose) = 0;

  /// The same for a block that is to be coded within a bound. Null on the CPU, too: there structured.cpp
  /// codes row by row while values are in the cache.
  virtual std::unique_ptr<GridSession<float>> open(const GridBlock<float>& block) = 0;
  virtual std::unique_ptr<GridSession<double>> open(const GridBlock<double>& block) = 0;
};

/// The processor's cores; always there.
Device& cpu_device();

/// The device of this process, the CPU unless use_device() said otherwise: as with the number of threads,
/// there is one answer to where work is done. Not to be changed while work is under way.
Device& device_in_use();
void use_device(std::shared_ptr<Device> device);

/// work(session) on the device in use; on the CPU where that device has too little memory.
template <class Work>
auto with_session(const SampleSet& samples, Purpose purpose, const Work& work) {
  if (const auto session = device_in_use().open(samples, purpose)) {
    try {
      return work(*session);
    } catch (const Error& error) {
      if (error.code != Code::no_memory) throw;
    }
  }
  return work(*cpu_device().open(samples, purpose));
}

}  // namespace gaussitu
