#include "encode/encode.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "encode/measure.hpp"
#include "encode/trainer.hpp"

namespace gaussitu {

namespace {

// What a byte buys, learned on turbulence, reaction-diffusion and unstructured fields (docs/model.md):
// doubling the Gaussians brings about 5 dB, and quantisation is best as coarse as would, uncompensated, add
// this many times the model's own squared error.
constexpr double kNoise = 1.4;
constexpr double kDecibelsPerDoubling = 5;
constexpr double kHeaderBytes = 55;
constexpr double kQuantisationLoss = 1.1;  // dB, at kNoise
constexpr double kWornOut = 3;             // dB that quantisation may cost a warm model
// Changes to the step before. Steps are finer, as that costs less. Probing rounds what has hardly begun to
// change and weighs no bits: in the end changes take this many times its bytes. A new Gaussian costs more
// than one of a payload that stands alone, with neighbours farther off; so many are born at most, or die.
constexpr double kChangeNoise = 0.6, kStillToChange = 1.2;
constexpr double kBornAlone = 1.3, kMostBirths = 0.25, kMostDeaths = 0.7;
constexpr double kStillToFollow = 2;  // dB between the first third and the end of a warm training
constexpr double kSettle = 0.4;       // part at full steps of that first third
constexpr double kStillToGain = 1.4;  // dB between the middle and the end of a cold training
constexpr double kThinned = 0.85;     // Gaussians that a round of thinning leaves
constexpr double kBearable = 1;       // dB that quantisation costs where fewer bring nothing more

/// Bits per Gaussian to expect from a field of so many samples when nothing is known of it yet: the fewer
/// Gaussians, the larger the error and the coarser the steps.
double expected_bits(double samples_per_gaussian) {
  return std::clamp(42 - 3.5 * std::log2(samples_per_gaussian / 175), 25.0, 80.0);
}

void check(const EncodeSettings& s) {
  const EncodeTarget& t = s.target;
  const int given = (t.bytes > 0) + (t.psnr > 0) + (t.gaussians > 0);
  if (given != 1 || !(t.psnr >= 0 && t.psnr <= 200))
    throw Error(Code::invalid_argument,
                "Expected exactly one target of bytes, psnr (0 to 200 dB), gaussians but received " +
                    std::to_string(given));
  if (t.gaussians > kMaxGaussians)
    throw Error(Code::invalid_argument, "Expected at most " + std::to_string(kMaxGaussians) +
                                            " Gaussians but received " + std::to_string(t.gaussians));
  if (s.iterations < 0 || !(s.seconds >= 0) || !std::isfinite(s.seconds))
    throw Error(Code::invalid_argument, "Expected iterations and seconds of 0 (chosen, no limit) or more");
}

size_t to_count(double x, const Trainer& trainer) {
  return static_cast<size_t>(std::clamp(x, 1.0, static_cast<double>(trainer.most())));
}

double decibels(double mse) {
  return -10 * std::log10(std::max(mse, 1e-20));
}

/// A field without variation: its header says all.
Finished constant(const SampleSet& samples) {
  Finished out;
  out.integers.header.domain = samples.domain;
  out.integers.header.value_min = samples.value_min;
  out.integers.header.value_range = samples.value_range;
  out.integers.header.mean = samples.mean;
  out.payload = encode_payload(out.integers);
  return out;
}

Finisher finisher_of(const Trainer& trainer) {
  return {trainer.model(), trainer.session(), trainer.control(), trainer.base(),
          Pace{.deadline = trainer.deadline()}};
}

/// Gaussians that fill `bytes` at the best steps for a model whose squared error will be `improved` times
/// what it is.
size_t balanced_count(const Trainer& trainer, double bytes, double improved) {
  const Finisher finisher = finisher_of(trainer);
  const double used = static_cast<double>(finisher.bytes_at(finisher.fineness_for(kNoise * improved)));
  const double per_gaussian =
      std::max(1.0, used - kHeaderBytes) / static_cast<double>(trainer.model().count());
  return to_count((bytes - kHeaderBytes) / per_gaussian, trainer);
}

/// Gaussians for a delta of `bytes`: those there are cost their changes, new ones all they have.
size_t count_of_changes(const Trainer& trainer, double bytes, double improved) {
  const Finisher finisher = finisher_of(trainer);
  const double fineness = finisher.fineness_for(kChangeNoise * improved);
  const auto now = static_cast<double>(trainer.model().count());
  const double changes = kStillToChange * static_cast<double>(finisher.bytes_at(fineness));
  if (changes > 1.05 * bytes) return to_count(now * std::max(bytes / changes, kMostDeaths), trainer);
  const double each = kBornAlone * static_cast<double>(finisher.whole_bytes_at(fineness)) / now;
  return to_count(now + std::clamp((bytes - changes) / each, 0.0, kMostBirths * now), trainer);
}

bool differs(size_t a, size_t b, double part) {
  return std::fabs(static_cast<double>(a) - static_cast<double>(b)) > part * static_cast<double>(b);
}

/// A warm start that may refer to the step before: what the bytes leave room for is born in it.
void follow_by_changes(Trainer& trainer, size_t bytes) {
  // Steps shrink before the estimate, too: at full steps neighbours overshoot together, and a model that is
  // 6 dB from where it will end has steps and changes half as large.
  const int planned = trainer.planned(), first = planned / 3;
  trainer.train_with(trainer.previous_count(), first, kSettle);
  const size_t count =
      count_of_changes(trainer, static_cast<double>(bytes), std::pow(10, -kStillToFollow / 10));
  trainer.train_with(count, planned - first, kAnneal);
}

/// Round by round the least useful Gaussians go and the rest are trained, with finer steps for the same
/// bytes, until that brings nothing more. Of `best`, what the trainer's model came to, and its heirs the
/// best.
Finished thin_out(Trainer& trainer, size_t bytes, int rounds, Finished best) {
  for (int i = 0; i < rounds && !trainer.out_of_time(); ++i) {
    trainer.train_with(to_count(kThinned * static_cast<double>(trainer.model().count()), trainer),
                       Trainer::thinning_iterations(), kAnneal);
    Finished next = finisher_of(trainer).to_bytes(bytes);
    if (next.payload.size() <= bytes && (best.payload.size() > bytes || next.mse < best.mse))
      best = std::move(next);
    else if (decibels(next.mse) > trainer.result().psnr - kBearable)
      break;
  }
  return best;
}

Finished meet_bytes(Trainer& trainer, size_t bytes) {
  const auto goal = static_cast<double>(bytes);
  int planned = trainer.planned(), rounds = 0;
  if (trainer.base()) {
    trainer.follow([&] { follow_by_changes(trainer, bytes); });
  } else if (trainer.warm()) {
    // The same count again when the goal is nearly the same: finer or coarser steps do the rest.
    const double change = goal / static_cast<double>(trainer.previous_bytes());
    const auto before = static_cast<double>(trainer.previous_count());
    const size_t count = to_count(std::fabs(change - 1) > 0.06 ? before * change : before, trainer);
    trainer.follow([&] { trainer.train_with(count, planned, kAnneal); });
  } else {
    const auto finite = static_cast<double>(trainer.samples().finite);
    double count = goal / 5;
    for (int i = 0; i < 8; ++i)
      count = std::max(1.0, 8 * (goal - kHeaderBytes) / expected_bits(finite / count));
    rounds = trainer.rounds_of_thinning(to_count(count, trainer));
    if (rounds > 0) trainer.plan_thinning();
    trainer.place(to_count(count, trainer));
    planned = trainer.planned();
    // On eighths steps shrink before the count as well; on whole grids that loses 0.2 dB.
    trainer.train_with(to_count(count, trainer), (2 * planned + 4) / 5,
                       trainer.on_eighths() ? kSettle : kFullSteps);
    const size_t balanced = balanced_count(trainer, goal, std::pow(10, -kStillToGain / 10));
    trainer.train_with(differs(balanced, to_count(count, trainer), 0.03) ? balanced : trainer.model().count(),
                       planned - trainer.result().iterations, kAnneal);
  }
  const size_t balanced = trainer.base() ? trainer.model().count() : balanced_count(trainer, goal, 1);
  // A warm model that fits badly asks for coarser steps and more Gaussians; it needs training instead.
  const bool wanted = !trainer.warm() || balanced < trainer.model().count();
  const double tolerated = trainer.warm() ? 0.12 : 0.06;
  if (wanted && differs(balanced, trainer.model().count(), tolerated) && !trainer.out_of_time())
    trainer.train_with(balanced, (planned + 1) / 2, kAnneal);
  Finished best = thin_out(trainer, bytes, rounds, finisher_of(trainer).to_bytes(bytes));
  // Where the coarsest steps are still too fine (noise), fewer Gaussians.
  for (int i = 0; i < 5 && best.payload.size() > bytes && trainer.model().count() > 1; ++i) {
    const double fits = 0.9 * goal / static_cast<double>(best.payload.size());
    trainer.train_with(to_count(fits * static_cast<double>(trainer.model().count()), trainer),
                       std::max(1, planned / 6), kAnneal);
    best = finisher_of(trainer).to_bytes(bytes);
  }
  return best;
}

Finished meet_psnr(Trainer& trainer, double psnr) {
  const double need = psnr + kQuantisationLoss;
  double count = trainer.warm() ? static_cast<double>(trainer.previous_count())
                                : std::max(16.0, static_cast<double>(trainer.samples().finite) / 400);
  trainer.place(to_count(count, trainer));
  const int planned = trainer.planned();
  // Cheap trials find the count, then one whole training of a warm-started model.
  constexpr int kTrials = 4;
  for (int i = 0; i < kTrials && !trainer.out_of_time(); ++i) {
    trainer.train_with(to_count(count, trainer), std::max(1, planned / (trainer.warm() ? 2 : 4)), kFullSteps);
    const double still_to_gain = trainer.warm() ? 0.3 : i == 0 ? 1.5 : 0.7;
    const double missing = need - trainer.result().psnr - still_to_gain;
    if (std::fabs(missing) < 0.4) break;
    count *= std::exp2(std::clamp(missing / kDecibelsPerDoubling, -3.0, 2.0));
    if (to_count(count, trainer) == trainer.model().count()) break;
  }
  trainer.train_with(to_count(count, trainer), trainer.warm() ? planned : (planned + 1) / 2, kAnneal);
  for (int i = 0; i < 2 && !trainer.out_of_time(); ++i) {
    const double missing = need - trainer.result().psnr;
    if (std::fabs(missing) < 0.7) break;
    count = static_cast<double>(trainer.model().count()) * std::exp2(missing / kDecibelsPerDoubling);
    trainer.train_with(to_count(count, trainer), (planned + 2) / 3, kAnneal);
  }
  Finished best = finisher_of(trainer).to_psnr(psnr);
  for (int i = 0; i < kTrials && decibels(best.mse) < psnr && !trainer.out_of_time(); ++i) {
    const double missing = need - decibels(best.mse);
    count = static_cast<double>(trainer.model().count()) *
            std::exp2(std::clamp(missing / kDecibelsPerDoubling, 0.05, 2.0));
    if (to_count(count, trainer) == trainer.model().count()) break;
    trainer.train_with(to_count(count, trainer), std::max(6, planned / 3), kAnneal);
    best = finisher_of(trainer).to_psnr(psnr);
  }
  return best;
}

/// Whether a chain of warm starts should begin anew: the field has moved away from it, or, having followed
/// for long, it has grown thin, sheared Gaussians that bear no quantisation.
bool worn_out(const Trainer& trainer, const Finished& finished) {
  return trainer.warm() && !trainer.out_of_time() &&
         (trainer.changed_much() || decibels(finished.mse) < trainer.result().psnr - kWornOut);
}

/// meet_bytes(), and once more from a cold start where the chain is worn out; adds to `training` what the
/// second start took.
Finished meet_bytes_afresh(Trainer& trainer, const EncodeSettings& settings, TrainResult& training,
                           bool& warm) {
  const size_t bytes = settings.target.bytes;
  Finished finished = meet_bytes(trainer, bytes);
  if (!worn_out(trainer, finished) || settings.iterations != 0) return finished;
  EncodeSettings fresh = settings;
  fresh.previous = {};
  if (settings.seconds > 0) fresh.seconds = std::max(1e-3, trainer.seconds_left());
  Trainer cold(trainer.session(), fresh, trainer.control());
  Finished again = meet_bytes(cold, bytes);
  training = cold.result();
  if (!(again.mse < finished.mse)) return finished;
  warm = false;
  return again;
}

/// Trains and quantises; sets `warm` and `training` of `out`.
Finished meet_target(Session& session, const EncodeSettings& settings, const Control& control,
                     EncodeResult& out) {
  Finished finished;
  Trainer trainer(session, settings, control);
  const EncodeTarget& target = settings.target;
  out.warm = trainer.warm();
  if (target.bytes > 0) {
    finished = meet_bytes_afresh(trainer, settings, out.training, out.warm);
  } else if (target.psnr > 0) {
    finished = meet_psnr(trainer, target.psnr);
  } else {
    const size_t count = to_count(static_cast<double>(target.gaussians), trainer);
    trainer.place(count);
    trainer.train_with(count, trainer.planned(), kAnneal);
    finished = finisher_of(trainer).to_noise(kNoise);
  }
  // A model that does not pay for itself: the mean alone is smaller.
  if (target.bytes > 0 && finished.payload.size() > target.bytes) finished = constant(session.samples());
  out.training.iterations += trainer.result().iterations;
  out.training.seconds += trainer.result().seconds;
  out.training.pair_evaluations += trainer.result().pair_evaluations;
  if (out.training.psnr == 0) out.training.psnr = trainer.result().psnr;
  return finished;
}

}  // namespace

Finished train_to_bytes(Session& session, const EncodeSettings& settings, const Control& control,
                        TrainResult& training, bool& warm) {
  Trainer trainer(session, settings, control);
  warm = trainer.warm();
  Finished finished = meet_bytes_afresh(trainer, settings, training, warm);
  training.iterations += trainer.result().iterations;
  return finished;
}

EncodeResult encode(const MeshView& mesh, Association association, const ArrayView& values,
                    const EncodeSettings& settings, const Control& control) {
  check(settings);
  const SampleSet samples = make_samples(mesh, association, values);
  return with_session(samples, Purpose::training, [&](Session& session) {
    EncodeResult out;
    Finished finished = samples.finite == 0 || !(samples.value_range > 0)
                            ? constant(samples)
                            : meet_target(session, settings, control, out);
    out.device = session.device();
    out.payload = std::move(finished.payload);
    out.refers = finished.delta;
    QuantisedModel base;
    if (out.refers) base = parse_payload(settings.previous);
    const QuantisedModel integers = parse_payload(out.payload, &base);
    out.whole = out.refers ? encode_payload(integers) : out.payload;
    const Model decoded = from_integers(integers);
    out.gaussians = decoded.count();
    out.metrics = measure(decoded, session, mesh, association, values);
    return out;
  });
}

}  // namespace gaussitu
