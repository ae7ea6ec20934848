#include "encode/small_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "encode/trainer.hpp"
#include "model/evaluate.hpp"
#include "sample/subset.hpp"

namespace gaussitu {

namespace {

constexpr size_t kLeastBytes = 150;  // below, the header is most of it
constexpr double kHeaderBytes = 70;
constexpr size_t kCoverageBytes = 4;  // what the final coverage may add
constexpr size_t kLeastSamples = 64;
constexpr double kBitsPerGaussian = 30;
// Measured on dns_decay u, 2.3 kB: 16 samples per Gaussian 25.7 dB in 0.1 s, 128 of them 26.9 dB in 0.3 s.
constexpr size_t kSamplesPerGaussian = 32;
constexpr int kColdIterations = 24, kWarmIterations = 8, kSweeps = 1;

/// The payload of `finished` with the coverage that all samples see, decoded at all of them and measured.
template <class T>
void measure_small(const SmallModelRequest<T>& request, Finished& finished, SmallModel<T>& out) {
  const SampleSet& all = *request.all;
  std::vector<float> cover(all.x.size());
  out.values = values_at<T>(from_integers(finished.integers), all, cover.data());
  double squares = 0;
  size_t finite = 0;
  float least = std::numeric_limits<float>::infinity();
  for (size_t s = 0; s < all.source.size(); s++) {
    const uint32_t i = all.source[s];
    if (i == kNoSource || !std::isfinite(request.field[i])) continue;
    const double e = static_cast<double>(request.field[i]) - static_cast<double>(out.values[i]);
    squares += e * e;
    finite++;
    least = std::min(least, cover[s]);
  }
  finished.integers.header.coverage = least;
  out.payload = encode_payload(finished.integers);
  out.psnr =
      20 * std::log10((request.most - request.least) / std::sqrt(squares / static_cast<double>(finite)));
}

/// One training of a fixed course, on few samples.
template <class T>
Finished train_quickly(const SmallModelRequest<T>& request, const EncodeSettings& settings,
                       const Control& control, SmallModel<T>& out) {
  const auto goal = static_cast<double>(settings.target.bytes);
  const auto count = static_cast<size_t>(8 * (goal - kHeaderBytes) / kBitsPerGaussian);
  SampleSet samples = every_few(*request.all, count * kSamplesPerGaussian);
  set_values(samples, request.field, request.least, request.most);
  if (samples.finite < kLeastSamples) return {};
  // A model of another size is no start: what is cut out of it fits badly.
  const double change = goal / static_cast<double>(std::max<size_t>(settings.previous.size(), 1));
  EncodeSettings own = settings;
  if (change < 0.4 || change > 2.5) own.previous = {};
  return with_session(samples, Purpose::training, [&](Session& session) {
    Trainer trainer(session, own, control);
    out.device = session.device();
    out.warm = trainer.warm();
    size_t wanted = count;
    if (out.warm) {
      const auto before = static_cast<double>(trainer.previous_count());
      wanted = static_cast<size_t>(std::max(1.0, std::fabs(change - 1) > 0.06 ? before * change : before));
    }
    trainer.train_with(wanted, out.warm ? kWarmIterations : kColdIterations, kAnneal);
    out.iterations = trainer.result().iterations;
    return Finisher(trainer.model(), session, control, nullptr, Pace{kSweeps})
        .to_bytes(settings.target.bytes);
  });
}

}  // namespace

template <class T>
std::vector<T> values_at(const Model& model, const SampleSet& all, float* cover) {
  std::vector<float> f(all.x.size());
  with_session(all, Purpose::evaluation, [&](Session& s) { s.evaluate(model, f.data(), cover); });
  std::vector<T> out(all.total);
  for (size_t s = 0; s < f.size(); s++)
    if (all.source[s] != kNoSource) {
      const auto v = static_cast<T>(unscale(model, f[s]));
      out[all.source[s]] = std::isfinite(v) ? v : T{0};  // at the ends of the number range
    }
  return out;
}

template <class T>
SmallModel<T> fit_small_model(const SmallModelRequest<T>& request, const Control& control) {
  SmallModel<T> out;
  const double range = request.most - request.least;
  if (request.bytes < kLeastBytes || !(range > 0) || !std::isfinite(range)) return out;
  EncodeSettings settings;
  settings.target.bytes = request.bytes - kCoverageBytes;
  settings.previous = request.previous;
  Finished finished;
  if (request.thorough) {
    SampleSet samples = *request.all;
    set_values(samples, request.field, request.least, request.most);
    finished = with_session(samples, Purpose::training, [&](Session& session) {
      TrainResult training;
      Finished trained = train_to_bytes(session, settings, control, training, out.warm);
      out.device = session.device();
      out.iterations = training.iterations;
      return trained;
    });
  } else {
    finished = train_quickly(request, settings, control, out);
  }
  out.gaussians = finished.integers.count();
  if (out.gaussians > 0 && finished.payload.size() <= settings.target.bytes)
    measure_small(request, finished, out);
  return out;
}

#define GAUSSITU_INSTANCES(T)                                                          \
  template SmallModel<T> fit_small_model(const SmallModelRequest<T>&, const Control&); \
  template std::vector<T> values_at(const Model&, const SampleSet&, float*);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
