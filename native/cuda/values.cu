#include <algorithm>

#include "scan.cuh"
#include "values.hpp"

namespace gaussitu::cuda {

namespace {

// Conjugate gradients on the normal equations (CGLS), preconditioned by their diagonal:
// native/core/train/values.cpp. Sums are taken in two passes of a fixed order, or by one block.
constexpr unsigned kBlock = 256, kPartials = 256;

__global__ void clear(SolverState* state) {
  *state = {0, 0, 0, 0, 0};
}

__global__ void __launch_bounds__(kBlock) multiply(const float* e, const float* r, uint32_t n, float* h) {
  for (uint32_t k = blockIdx.x * kBlock + threadIdx.x; k < n; k += gridDim.x * kBlock) h[k] = e[k] * r[k];
}

// The norm of the gradient, and with it the next direction. One block: there are few Gaussians.
__global__ void __launch_bounds__(kBlock, 1)
    turn(const float2* sums, uint32_t count, float* direction, SolverState* state) {
  GAUSSITU_SHARED(double, warps, kBlock / kWarp);
  GAUSSITU_SHARED(double, shared, 1);
  const uint32_t first = state->iterations == 0, done = state->done;
  const double rho = state->rho;
  double part = 0;
  for (uint32_t i = threadIdx.x; i < count; i += kBlock)
    if (sums[i].y > 0) part += double{sums[i].x} * sums[i].x / sums[i].y;
  const double total = block_sum<kBlock>(part, warps);
  if (threadIdx.x == 0) shared[0] = total;
  __syncthreads();
  const double next = shared[0];
  if (done || !(next > 0)) {
    if (threadIdx.x == 0) state->done = 1;
    return;
  }
  double slope = 0;
  for (uint32_t i = threadIdx.x; i < count; i += kBlock) {
    const double steepest = sums[i].y > 0 ? -double{sums[i].x} / sums[i].y : 0;
    direction[i] = static_cast<float>(steepest + (first ? 0 : next / rho * direction[i]));
    slope += double{sums[i].x} * direction[i];
  }
  const double all = block_sum<kBlock>(slope, warps);
  if (threadIdx.x == 0) {
    state->slope = all;
    state->rho = next;
    state->iterations++;
  }
}

// Sums of (weight image)^2, one per block.
__global__ void __launch_bounds__(kBlock)
    curvatures(const float* weight, const float* image, uint32_t n, double* out) {
  GAUSSITU_SHARED(double, warps, kBlock / kWarp);
  double sum = 0;
  for (uint32_t k = blockIdx.x * kBlock + threadIdx.x; k < n; k += gridDim.x * kBlock) {
    const double w = fmaxf(0.0f, weight[k]) * double{image[k]};
    sum += w * w;
  }
  const double total = block_sum<kBlock>(sum, warps);
  if (threadIdx.x == 0) out[blockIdx.x] = total;
}

__global__ void __launch_bounds__(kBlock)
    add_curvatures(const double* parts, uint32_t n, SolverState* state) {
  GAUSSITU_SHARED(double, warps, kBlock / kWarp);
  const double total = block_sum<kBlock>(threadIdx.x < n ? parts[threadIdx.x] : 0, warps);
  if (threadIdx.x != 0) return;
  state->curvature = total;
  if (!(total > 0)) state->done = 1;
}

__global__ void __launch_bounds__(kBlock)
    advance(ModelView m, const float* direction, const float* weight, const float* image, uint32_t n,
            float* e, const SolverState* state) {
  if (state->done) return;
  const double step = -state->slope / state->curvature;
  const uint32_t from = blockIdx.x * kBlock + threadIdx.x, stride = gridDim.x * kBlock;
  for (uint32_t i = from; i < m.count; i += stride)
    m.centre[i].w = static_cast<float>(m.centre[i].w + step * direction[i]);
  for (uint32_t k = from; k < n; k += stride)
    e[k] = static_cast<float>(e[k] + fmaxf(0.0f, weight[k]) * step * image[k]);
}

}  // namespace

void ValueSolver::resize(size_t count, size_t padded) {
  image_.resize(padded);
  direction_.resize(count);
  sums_.resize(count);
  partial_.resize(kPartials);
  state_.resize(1);
}

void ValueSolver::begin(Stream& stream) {
  launch(clear, 1, 1, 0, stream, state_.data());
}

void ValueSolver::iterate(const ModelView& m, const DeviceSamples& samples, const DeviceReach& reach,
                          float* e, const float* r, Stream& stream) {
  if (m.count == 0 || samples.padded() == 0) return;
  const SamplesView s = samples.view();
  const auto blocks =
      static_cast<unsigned>(std::clamp<size_t>((samples.padded() + kBlock - 1) / kBlock, 1, kPartials));
  float *image = image_.data(), *direction = direction_.data();
  launch(multiply, blocks, kBlock, 0, stream, e, r, s.padded, image);  // which is not needed yet
  project(m, samples, reach.tiles(), image, r, sums_.data(), stream);
  launch(turn, 1, kBlock, 0, stream, sums_.data(), m.count, direction, state_.data());
  apply_values(m, samples, reach.gaussians(), direction, image, stream);
  launch(curvatures, blocks, kBlock, 0, stream, s.weight, image, s.padded, partial_.data());
  launch(add_curvatures, 1, kBlock, 0, stream, partial_.data(), blocks, state_.data());
  launch(advance, blocks, kBlock, 0, stream, m, direction, s.weight, image, s.padded, e, state_.data());
}

}  // namespace gaussitu::cuda
