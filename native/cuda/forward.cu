#include "forward.hpp"
#include "pair.cuh"
#include "scan.cuh"

namespace gaussitu::cuda {
namespace {

constexpr unsigned kStaged = kThreads;  // Gaussians in shared memory at a time

// What becomes of the sums of a sample.
struct Values {
  static constexpr bool kCover = false, kTotals = false;
  float* f;
  __device__ float operator()(uint32_t k, float n, float d, float) const {
    f[k] = n / d;
    return 0;
  }
};

struct ValuesAndCover {
  static constexpr bool kCover = true, kTotals = false;
  float *f, *cover;
  __device__ float operator()(uint32_t k, float n, float d, float sum) const {
    f[k] = n / d;
    cover[k] = sum;
    return 0;
  }
};

// As compare_tile of native/core/model/evaluate.isa.cpp, operation for operation.
struct Compare {
  static constexpr bool kCover = false, kTotals = true;
  Residuals out;
  const float *value, *weight;
  __device__ float operator()(uint32_t k, float n, float d, float) const {
    const float w = weight[k], inside = fmaxf(w, 0.0f), outside = fmaxf(0.0f - w, 0.0f);
    const float inverse = 1.0f / d, f = n * inverse, r = inside * inverse, e = inside * (f - value[k]);
    out.e[k] = fmaf(outside, d - kBackground, e);
    out.r[k] = r;
    out.fr[k] = outside - f * r;
    const float own = e * fmaxf(w + w - 1.0f, 0.0f);  // of weight 1, not of 1/2
    return own * own;
  }
};

// A block has four units of one tile, a warp one of them. The tile's Gaussians pass through shared memory, in
// their order; lanes try one each against the boxes of the warp's parts, and all compute those that reach.
template <bool kColumns, class Finish>
__global__ void __launch_bounds__(kThreads)
    forward(ModelView m, SamplesView s, ListsView lists, const float* values, float start, Finish finish) {
  GAUSSITU_SHARED(float4, centre, kStaged);
  GAUSSITU_SHARED(float4, shape, kStaged);
  GAUSSITU_SHARED(float2, rest, kStaged);
  using Place = Lane<kColumns>;
  const uint32_t warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp, u = blockIdx.x * kWarps + warp;
  const Unit unit = s.units[u];
  const Place place(unit, lane);
  Box box[kParts];
  for (unsigned p = 0; p < kParts; p++) box[p] = s.boxes[u * kParts + p];

  constexpr int kPlaces = kColumns ? 1 : Place::kSamples;  // of which y and z are held
  float x[kPlaces], y[kPlaces], z[kPlaces];
  for (int k = 0; k < kPlaces; k++) {
    const bool real = static_cast<uint32_t>(k) < place.count;
    const uint32_t at = place.first + static_cast<uint32_t>(k) * Place::kStride;
    x[k] = real ? s.x[at] : 0;
    y[k] = real ? s.y[at] : 0;
    z[k] = real ? s.z[at] : 0;
  }
  float n[Place::kSamples], d[Place::kSamples], cover[Finish::kCover ? Place::kSamples : 1];
#pragma unroll
  for (int k = 0; k < Place::kSamples; k++) {
    n[k] = start;
    d[k] = kBackground;
    if (Finish::kCover) cover[k] = 0;
  }

  uint32_t parts = 0;
  const uint32_t end = lists.starts[unit.tile + 1];
  for (uint32_t begin = lists.starts[unit.tile]; begin < end; begin += kStaged) {
    __syncthreads();
    if (begin + threadIdx.x < end) {
      const uint32_t i = lists.items[begin + threadIdx.x];
      centre[threadIdx.x] = m.centre[i];
      if (values) centre[threadIdx.x].w = values[i];
      shape[threadIdx.x] = m.shape[i];
      rest[threadIdx.x] = m.rest[i];
    }
    __syncthreads();
    const uint32_t staged = end - begin < kStaged ? end - begin : kStaged;
    for (uint32_t first = 0; first < staged; first += kWarp) {
      bool reached[kParts] = {};
      if (first + lane < staged) {
        const Gaussian g = gaussian(centre[first + lane], shape[first + lane], rest[first + lane]);
#pragma unroll
        for (unsigned p = 0; p < kParts; p++) reached[p] = reaches(g, box[p]);
      }
      unsigned hits[kParts], any = 0;
#pragma unroll
      for (unsigned p = 0; p < kParts; p++) any |= hits[p] = __ballot_sync(kFull, reached[p]);
      for (; any != 0; any &= any - 1) {
        const int bit = __ffs(static_cast<int>(any)) - 1;
        const uint32_t at = first + static_cast<uint32_t>(bit);
        const Gaussian g = gaussian(centre[at], shape[at], rest[at]);
        const auto add = [&](int k, float q) {
          const float q2 = q * q, w = q2 * q2;
          n[k] = fmaf(w, g.v, n[k]);
          d[k] = d[k] + w;
          if (Finish::kCover) cover[k] = cover[k] + w;
        };
        const Column shared = column(g, y[0], z[0]);  // of columns: the same for all steps
#pragma unroll
        for (unsigned p = 0; p < kParts; p++) {
          if (!(hits[p] >> bit & 1)) continue;
          parts++;
#pragma unroll
          for (int j = 0; j < Place::kPerPart; j++) {
            const int k = static_cast<int>(p) * Place::kPerPart + j;
            const Column c = kColumns ? shared : column(g, y[k % kPlaces], z[k % kPlaces]);
            const float place_x = kColumns ? x[0] + static_cast<float>(k) : x[k % kPlaces];
            const float t0 = fmaf(g.a[0], place_x - g.mu[0], c.c0);
            add(k, falloff(fmaf(t0, t0, c.base)));
          }
        }
      }
    }
  }

  float squares = 0;
#pragma unroll
  for (int k = 0; k < Place::kSamples; k++)
    if (static_cast<uint32_t>(k) < place.count)
      squares += finish(place.first + static_cast<uint32_t>(k) * Place::kStride, n[k], d[k],
                        Finish::kCover ? cover[k % (Finish::kCover ? Place::kSamples : 1)] : 0);
  if constexpr (Finish::kTotals) {
    GAUSSITU_SHARED(float, warps, kWarps);
    if (lane == 0) finish.out.pairs[u] = parts * Place::kPerPart * kWarp;
    const float total = block_sum<kThreads>(squares, warps);
    if (threadIdx.x == 0) finish.out.squares[blockIdx.x] = total;
  }
}

template <class Finish>
void run(const ModelView& m, const DeviceSamples& samples, const ListsView& lists, const float* values,
         float start, const Finish& finish, Stream& stream) {
  if (samples.blocks() == 0) return;
  launch(samples.columns() ? forward<true, Finish> : forward<false, Finish>, samples.blocks(), kThreads, 0,
         stream, m, samples.view(), lists, values, start, finish);
}

}  // namespace

void evaluate(const ModelView& m, const DeviceSamples& samples, const ListsView& gaussians, float start,
              float* f, float* cover, Stream& stream) {
  if (cover)
    run(m, samples, gaussians, nullptr, start, ValuesAndCover{f, cover}, stream);
  else
    run(m, samples, gaussians, nullptr, start, Values{f}, stream);
}

void apply_values(const ModelView& m, const DeviceSamples& samples, const ListsView& gaussians,
                  const float* values, float* f, Stream& stream) {
  run(m, samples, gaussians, values, 0, Values{f}, stream);
}

void compare(const ModelView& m, const DeviceSamples& samples, const ListsView& gaussians, float start,
             const Residuals& out, Stream& stream) {
  const SamplesView s = samples.view();
  run(m, samples, gaussians, nullptr, start, Compare{out, s.value, s.weight}, stream);
}

}  // namespace gaussitu::cuda
