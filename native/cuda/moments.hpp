// The backward pass: sums over samples for each Gaussian (native/core/train/moments.hpp).
#pragma once
#include "forward.hpp"
#include "train/moments.hpp"

namespace gaussitu::cuda {

/// Floats of a Gaussian's moments on the device: those of Moments, in their order, and padding.
inline constexpr uint32_t kMomentStride = 64;

/// Sums of Gaussians first, first + stride, ... [count], each in a row of `out` [count, kMomentStride], of
/// the residuals that compare() left. Without `curvature` only the forces are written. Nothing is where
/// *halted is not 0; it may be null.
void moments(const ModelView& model, const DeviceSamples& samples, const ListsView& tiles,
             const ResidualView& residual, bool curvature, uint32_t first, uint32_t stride, uint32_t count,
             float* out, Stream& stream, const uint32_t* halted = nullptr);

/// out[i] = {sum of phi h, sum of phi^2} of each Gaussian, phi = w r: the transpose of apply_values().
void project(const ModelView& model, const DeviceSamples& samples, const ListsView& tiles, const float* h,
             const float* r, float2* out, Stream& stream);

}  // namespace gaussitu::cuda
