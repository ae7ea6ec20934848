// A Gaussian at samples, in the canonical order of operations (docs/format.md, native/core/model/pair.hpp):
// compiled without contraction, the same bits as the CPU's.
#pragma once
#include "model/model.hpp"
#include "views.cuh"

namespace gaussitu::cuda {

struct Gaussian {
  float mu[3], v, a[6];
};

__device__ __forceinline__ Gaussian gaussian(const float4& centre, const float4& shape, const float2& rest) {
  return {{centre.x, centre.y, centre.z}, centre.w, {shape.x, shape.y, shape.z, shape.w, rest.x, rest.y}};
}

__device__ __forceinline__ Gaussian gaussian(const ModelView& m, uint32_t i) {
  return gaussian(m.centre[i], m.shape[i], m.rest[i]);
}

/// Where y and z are given, t1 and t2 do not depend on x: t0 = fma(a00, dx, c0), d2 = fma(t0, t0, base).
struct Column {
  float t1, t2, c0, base;
};

__device__ __forceinline__ Column column(const Gaussian& g, float y, float z) {
  const float dy = y - g.mu[1], dz = z - g.mu[2];
  Column p;
  p.t2 = g.a[5] * dz;
  p.t1 = fmaf(g.a[3], dy, g.a[4] * dz);
  p.c0 = fmaf(g.a[1], dy, g.a[2] * dz);
  p.base = fmaf(p.t1, p.t1, p.t2 * p.t2);
  return p;
}

/// q of the weight w = (q q)(q q).
__device__ __forceinline__ float falloff(float d2) {
  return fmaxf(fmaf(d2, -1.0f / kSupport2, 1.0f), 0.0f);
}

/// Whether the Gaussian can reach into the box: per component, t at the middle less its largest change
/// inside, both widened by what rounding can do. False only where every sample of the box has q = 0.
__device__ __forceinline__ bool reaches(const Gaussian& g, const Box& b) {
  const auto beyond = [](float t, float terms, float half) {
    return fmaxf(fabsf(t) - half - 1e-6f * (terms + half), 0.0f);
  };
  const float dx = b.centre[0] - g.mu[0], dy = b.centre[1] - g.mu[1], dz = b.centre[2] - g.mu[2];
  const float x0 = g.a[0] * dx, y0 = g.a[1] * dy, z0 = g.a[2] * dz, y1 = g.a[3] * dy, z1 = g.a[4] * dz,
              z2 = g.a[5] * dz;
  const float t0 = beyond(x0 + y0 + z0, fabsf(x0) + fabsf(y0) + fabsf(z0),
                          fabsf(g.a[0]) * b.half[0] + fabsf(g.a[1]) * b.half[1] + fabsf(g.a[2]) * b.half[2]);
  const float t1 =
      beyond(y1 + z1, fabsf(y1) + fabsf(z1), fabsf(g.a[3]) * b.half[1] + fabsf(g.a[4]) * b.half[2]);
  const float t2 = beyond(z2, fabsf(z2), fabsf(g.a[5]) * b.half[2]);
  return t0 * t0 + t1 * t1 + t2 * t2 < kSupport2 + 1e-3f;
}

/// What a lane has of its unit.
template <bool kColumns>
struct Lane {
  static constexpr int kPerPart = kColumns ? 4 : 1, kSamples = kPerPart * static_cast<int>(kParts);
  static constexpr uint32_t kStride = kColumns ? 16 : kWarp;
  uint32_t first, count;  // sample k < count of the lane is first + k * kStride

  __device__ Lane(const Unit& u, uint32_t lane) {
    if (kColumns) {
      const uint32_t inside = lane < u.lanes ? lane : lane % 16;
      first = u.begin + inside / 16 * u.stride + inside % 16;
      count = lane < u.lanes ? u.steps : 0;
    } else {
      first = u.begin + lane;
      count = u.lanes > lane ? (u.lanes - lane - 1) / kWarp + 1 : 0;
    }
  }
};

}  // namespace gaussitu::cuda
