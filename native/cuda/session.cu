#include <cstring>
#include <limits>

#include "session.hpp"
#include "train.hpp"

namespace gaussitu::cuda {

namespace {

class CardSession final : public Session {
 public:
  CardSession(Card& card, const SampleSet& samples, std::unique_ptr<MemoryBudget::Reservation> held)
      : card_(card), held_(std::move(held)), work_(samples, card.supplies(), held_->bytes()) {}

  std::string device() const override { return card_.name(); }
  const SampleSet& samples() const override { return work_.host; }

  void evaluate(const Model& model, float* out, float* cover) override {
    card_.select();
    if (work_.host.x.empty()) return;
    work_.load(model);
    work_.evaluate(cover != nullptr);
    const size_t bytes = work_.host.x.size() * sizeof(float);
    work_.stream.download(out, work_.f.data(), bytes);
    if (cover) work_.stream.download(cover, work_.cover.data(), bytes);
  }

  TrainResult train(Model& model, const TrainSettings& settings, const Control& control) override {
    card_.select();
    TrainResult none;
    none.psnr = std::numeric_limits<double>::infinity();
    if (nothing_to_fit(model)) return none;
    return DeviceTrainer(work_).train(model, settings, control);
  }

  void solve_values(Model& model, int iterations, const Control& control) override {
    card_.select();
    if (nothing_to_fit(model)) return;
    work_.load(model);
    work_.forward(true);
    work_.solver.resize(model.count(), work_.samples.padded());
    work_.solver.begin(work_.stream);
    for (int it = 0; it < iterations; it++) {
      if (control.cancel && control.cancel->load(std::memory_order_relaxed)) {
        work_.stream.synchronise();
        throw Error(Code::cancelled, "Solving for values was cancelled");
      }
      work_.solver.iterate(work_.model.view(), work_.samples, work_.reach, work_.e.data(), work_.r.data(),
                           work_.stream);
    }
    work_.model.download(model, work_.stream);
  }

  double linearise(const Model& model, size_t first, size_t stride, std::vector<Moments>& out) override {
    forward(model);
    out.resize(model.count() > first ? (model.count() - first - 1) / stride + 1 : 0);
    work_.moments.resize(out.size() * kMomentStride);
    moments(work_.model.view(), work_.samples, work_.reach.tiles(), work_.residual(), true,
            static_cast<uint32_t>(first), static_cast<uint32_t>(stride), static_cast<uint32_t>(out.size()),
            work_.moments.data(), work_.stream);
    const auto rows = work_.moments.download(work_.stream);
    for (size_t m = 0; m < out.size(); m++) std::memcpy(&out[m], &rows[m * kMomentStride], sizeof(Moments));
    return work_.squared();
  }

  std::vector<float> costs(const Model& model) override {
    std::vector<Moments> all;
    linearise(model, 0, 1, all);
    std::vector<float> out(all.size());
    for (size_t i = 0; i < all.size(); i++) out[i] = all[i].curvature[0];
    return out;
  }

  std::vector<float> residuals(const Model& model) override {
    forward(model);
    return work_.e.download(work_.stream);
  }

 private:
  bool nothing_to_fit(const Model& model) const {
    return model.count() == 0 || work_.host.finite == 0 || !(work_.host.value_range > 0);
  }
  void forward(const Model& model) {
    card_.select();
    work_.load(model);
    work_.forward(true);
  }

  const Card& card_;
  std::unique_ptr<MemoryBudget::Reservation> held_;
  Workspace work_;
};

}  // namespace

size_t session_bytes(const SampleSet& samples, Purpose purpose) {
  // x y z value weight, f and cover; training: e r fr and the solver's image. Boxes and lists: a few bytes
  // per sample, as long as there are not many more Gaussians than one for 60 samples.
  const size_t per_sample = purpose == Purpose::training ? 11 * sizeof(float) + 32 : 7 * sizeof(float) + 16;
  return per_sample * samples.x.size() + (size_t{4} << 20);
}

std::unique_ptr<Session> make_session(Card& card, const SampleSet& samples, Purpose,
                                      std::unique_ptr<MemoryBudget::Reservation> memory) {
  return std::make_unique<CardSession>(card, samples, std::move(memory));
}

}  // namespace gaussitu::cuda
