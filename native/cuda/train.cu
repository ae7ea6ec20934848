#include <algorithm>
#include <cmath>
#include <limits>

#include "scan.cuh"
#include "train.hpp"
#include "train/normal_equations.hpp"
#include "train/schedule.hpp"

namespace gaussitu::cuda {
namespace {

constexpr unsigned kBlock = 256;
enum Take : uint32_t { never, better, always };  // whether a model becomes the best one

// What the forward pass says of the model, and what follows from it. One block.
__global__ void __launch_bounds__(kBlock)
    judge(const double* squares, uint32_t blocks, const uint32_t* pairs, uint32_t units,
          const uint32_t* wanted, const uint32_t* listed, uint32_t iteration, Take take, double goal,
          TrainState* state) {
  GAUSSITU_SHARED(double, warps, kBlock / kWarp);
  GAUSSITU_SHARED(double, more_warps, kBlock / kWarp);
  const bool halted = state->halted != running, fit = *wanted == *listed;
  double sum = 0, counted = 0;
  for (uint32_t b = threadIdx.x; b < blocks; b += kBlock) sum += squares[b];
  for (uint32_t u = threadIdx.x; u < units; u += kBlock) counted += pairs[u];
  const double squared = block_sum<kBlock>(sum, warps), all = block_sum<kBlock>(counted, more_warps);
  if (threadIdx.x != 0) return;
  state->improved = 0;
  if (halted) return;
  state->iteration = iteration;
  state->wanted = *wanted;
  if (!fit) {
    state->halted = lists_too_long;
    return;
  }
  state->squared = squared;
  state->pairs = all;
  if (take == never) return;
  state->improved = take == always || squared < state->best;
  if (state->improved) state->best = squared;
  if (squared <= goal) state->halted = reached;
}

__global__ void __launch_bounds__(kThreads) keep_best(ModelView from, ModelView to, const TrainState* state) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= from.count || !state->improved) return;
  to.centre[i] = from.centre[i];
  to.shape[i] = from.shape[i];
  to.rest[i] = from.rest[i];
}

__global__ void go_on(TrainState* state) {
  state->halted = running;
}

}  // namespace

DeviceTrainer::DeviceTrainer(Workspace& w)
    : w_(w),
      best_(w.memory),
      densifier_(w.host, w.memory),
      first_(w.memory),
      second_(w.memory),
      state_(w.memory),
      slots_(w.stream.pinned<TrainState>(kSlots)) {}

void DeviceTrainer::begin(const Model& model, const TrainSettings& settings) {
  start_ = std::chrono::steady_clock::now();
  result_ = {};
  watched_ = grown_at_ = 0;
  looked_pairs_ = 0;
  const double measured = static_cast<double>(w_.host.measured);
  goal_ = settings.target_psnr > 0 ? measured * std::pow(10, -settings.target_psnr / 10) : -1;
  const size_t most = std::max(model.count(), settings.grow_to);
  w_.model.reserve(most);
  best_.reserve(most);
  best_.resize(model.count());
  for (auto* a : {&first_, &second_}) {
    if (a == &second_ && settings.optimiser != Optimiser::adam) continue;
    a->resize(most * kParameters);
    check(cudaMemsetAsync(a->data(), 0, a->size() * sizeof(float), w_.stream), "clearing memory");
  }
  w_.moments.resize(most * kMomentStride);
  // Of Adam's only the forces are written.
  check(cudaMemsetAsync(w_.moments.data(), 0, w_.moments.size() * sizeof(float), w_.stream),
        "clearing memory");
  w_.load(model);
  w_.reach.find_all(w_.model.view(), w_.samples, w_.stream);
  TrainState fresh{};
  fresh.best = std::numeric_limits<double>::infinity();
  state_.upload(w_.stream, &fresh, 1);
}

void DeviceTrainer::look(int iteration, bool always_best) {
  const auto n = static_cast<uint32_t>(w_.model.count());
  w_.forward(false);
  launch(judge, 1, kBlock, 0, w_.stream, w_.squares.data(), static_cast<uint32_t>(w_.squares.size()),
         w_.pairs.data(), static_cast<uint32_t>(w_.pairs.size()), w_.reach.wanted(), w_.reach.listed(),
         static_cast<uint32_t>(iteration), always_best ? always : better, goal_, state_.data());
  launch(keep_best, (n + kThreads - 1) / kThreads, kThreads, 0, w_.stream, w_.model.view(), best_.view(),
         state_.data());
  const int slot = iteration % kSlots;
  check(cudaMemcpyAsync(&slots_[slot], state_.data(), sizeof(TrainState), cudaMemcpyDeviceToHost, w_.stream),
        "copying from the device");
  told_[slot].record(w_.stream);
}

bool DeviceTrainer::watch(const TrainSettings& settings, const Control& control) {
  const int slot = watched_ % kSlots;
  told_[slot].wait();
  if (slots_[slot].iteration != static_cast<uint32_t>(watched_) || slots_[slot].halted == lists_too_long) {
    seen_ = slots_[slot];
    return false;
  }
  seen_ = slots_[slot];
  result_.psnr = psnr_of(seen_.squared, w_.host.measured);
  looked_pairs_ += seen_.pairs;
  result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (control.on_progress)
    control.on_progress({watched_, settings.iterations, result_.psnr, result_.seconds, w_.model.count()});
  watched_++;
  return seen_.halted == running;
}

void DeviceTrainer::make_room() {
  w_.stream.synchronise();
  w_.reach.reserve(seen_.wanted + seen_.wanted / 4);
  launch(go_on, 1, 1, 0, w_.stream, state_.data());
}

void DeviceTrainer::grow(Model& model, size_t count) {
  while (model.count() < count) {
    w_.model.download(model, w_.stream);
    if (densifier_.add(model, count - model.count(), w_.model.view(), w_.samples, w_.reach, w_.e.data(),
                       w_.stream) == 0)
      break;
    w_.load(model);
    w_.forward(true);
  }
  best_.resize(model.count());
  // Its error is what the next step trusts in; whether it is the best is asked after that step.
  launch(judge, 1, kBlock, 0, w_.stream, w_.squares.data(), static_cast<uint32_t>(w_.squares.size()),
         w_.pairs.data(), static_cast<uint32_t>(w_.pairs.size()), w_.reach.wanted(), w_.reach.listed(),
         static_cast<uint32_t>(watched_ - 1), never, goal_, state_.data());
}

void DeviceTrainer::step(const TrainSettings& settings, int iteration, double rate, bool renew) {
  StepSettings t{};
  t.rate = rate;
  t.momentum = std::clamp(0.8 - 2.4 / std::max(settings.iterations, 1), 0.0, 0.75);
  t.bias1 = t.bias2 = 1;
  for (int k = 0; k <= iteration; k++) {
    t.bias1 *= 0.9;
    t.bias2 *= 0.99;
  }
  t.measured = static_cast<double>(w_.host.measured);
  double largest = 1;
  for (int k = 0; k < 3; k++) {
    t.hi[k] = static_cast<float>(w_.host.domain.extent[k]);
    largest = std::max(largest, w_.host.domain.extent[k]);
  }
  t.a_min = static_cast<float>(0.25 / largest);
  t.a_max = w_.host.columns ? 4.0f : 1e4f;
  t.sheared = w_.host.columns;
  const ModelView m = w_.model.view();
  moments(m, w_.samples, w_.reach.tiles(), w_.residual(),
          settings.optimiser == Optimiser::levenberg_marquardt && renew, 0, 1, m.count, w_.moments.data(),
          w_.stream, &state_.data()->halted);
  cuda::step(settings.optimiser, m, w_.moments.data(), first_.data(), second_.data(), t, state_.data(),
             w_.stream);
}

TrainResult DeviceTrainer::train(Model& model, const TrainSettings& settings, const Control& control) {
  begin(model, settings);
  const size_t first_count = model.count();
  Model now = model;
  bool stopping = false;
  for (int it = 0;; it++) {
    if (control.cancel && control.cancel->load(std::memory_order_relaxed))
      throw Error(Code::cancelled, "Training was cancelled after " + std::to_string(it) + " of " +
                                       std::to_string(settings.iterations) + " iterations");
    look(it, it == grown_at_);
    if (settings.seconds > 0 &&
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() >= settings.seconds)
      stopping = true;
    stopping |= it >= settings.iterations;
    const size_t count = grown(it, settings, first_count);
    const bool growing = !stopping && count > now.count();
    // Growth and the end need to know everything; else the host stays a little ahead.
    bool going = true;
    while (going && watched_ <= (stopping || growing ? it : it - kBehind)) going = watch(settings, control);
    if (!going && seen_.halted == lists_too_long) {
      it = static_cast<int>(seen_.iteration) - 1;  // look at it again: nothing has been done since
      stopping = false;
      make_room();
      continue;
    }
    if (!going || stopping) break;
    const size_t before = now.count();
    if (growing) {
      grow(now, count);
      grown_at_ = it + 1;
    }
    double progress = static_cast<double>(it) / settings.iterations;
    if (settings.seconds > 0) progress = std::max(progress, result_.seconds / settings.seconds);
    step(settings, it, annealed(progress, settings), renews_curvature(it) || now.count() != before);
  }
  return finish(model);
}

TrainResult DeviceTrainer::finish(Model& model) {
  best_.download(model, w_.stream);
  result_.psnr = psnr_of(seen_.best, w_.host.measured);
  result_.iterations = watched_ - 1;  // each was looked at after its step, the first one before any
  result_.pair_evaluations = 2 * looked_pairs_ - seen_.pairs;  // no step follows the last look
  return result_;
}

}  // namespace gaussitu::cuda
