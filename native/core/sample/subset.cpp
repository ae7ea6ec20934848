#include "sample/subset.hpp"

#include <algorithm>
#include <cmath>

#include "sample/tiling.hpp"

namespace gaussitu {

namespace {

/// Every s-th along each axis, s a power of two.
std::vector<uint32_t> of_grid(const std::array<size_t, 3>& dims, size_t wanted) {
  const auto left = [&](size_t stride) {
    size_t n = 1;
    for (const size_t d : dims) n *= (d + stride - 1) / stride;
    return n;
  };
  const auto thin = [&](size_t stride) {
    return std::any_of(dims.begin(), dims.end(), [&](size_t d) { return d > 1 && d < 4 * stride; });
  };
  size_t stride = 1;
  // The next one leaves an eighth (of three axes): nearest to what is wanted in proportion.
  while (left(stride) * left(2 * stride) >= wanted * wanted && !thin(2 * stride)) stride *= 2;
  std::vector<uint32_t> chosen;
  for (size_t k = 0; k < dims[2]; k += stride)
    for (size_t j = 0; j < dims[1]; j += stride)
      for (size_t i = 0; i < dims[0]; i += stride)
        chosen.push_back(static_cast<uint32_t>((k * dims[1] + j) * dims[0] + i));
  return chosen;
}

/// One in each run of near neighbours, at a random place of it: an even stride might see a pattern of the
/// mesh.
std::vector<uint32_t> of_points(const SampleSet& all, size_t wanted) {
  const size_t every = std::max<size_t>(1, all.total / std::max<size_t>(wanted, 1));
  std::vector<uint32_t> chosen;
  uint32_t random = 1, met = 0, next = 0;
  for (const uint32_t source : all.source) {
    if (source == kNoSource) continue;
    if (met % every == 0) {
      random = random * 1664525u + 1013904223u;
      next = met + static_cast<uint32_t>((random >> 8) % every);
    }
    if (met++ == next) chosen.push_back(source);
  }
  return chosen;
}

}  // namespace

SampleSet every_few(const SampleSet& all, size_t wanted) {
  std::array<size_t, 3> dims;
  for (size_t k = 0; k < 3; k++) dims[k] = static_cast<size_t>(all.domain.extent[k]) + 1;
  const std::vector<uint32_t> chosen = all.columns ? of_grid(dims, wanted) : of_points(all, wanted);
  std::vector<uint32_t> place(all.total);
  for (size_t s = 0; s < all.source.size(); s++)
    if (all.source[s] != kNoSource) place[all.source[s]] = static_cast<uint32_t>(s);
  std::array<std::vector<float>, 3> points;
  const Array<float>* axes[3] = {&all.x, &all.y, &all.z};
  for (size_t k = 0; k < 3; k++)
    for (const uint32_t c : chosen) points[k].push_back((*axes[k])[place[c]]);
  SampleSet out;
  out.domain = all.domain;
  out.total = all.total;
  out.finite = out.measured = chosen.size();
  tile_scattered(points, out);
  for (uint32_t& source : out.source)
    if (source != kNoSource) source = chosen[source];
  return out;
}

template <class T>
void set_values(SampleSet& samples, std::span<const T> field, double least, double most) {
  samples.value_min = least;
  samples.value_range = most - least;
  samples.finite = 0;
  samples.value.assign(samples.source.size(), 0.0f);
  samples.weight.assign(samples.source.size(), 0.0f);
  for (Tile& tile : samples.tiles) tile.whole = false;
  double sum = 0;
  for (size_t s = 0; s < samples.source.size(); s++) {
    if (samples.source[s] == kNoSource) continue;
    const auto v = static_cast<double>(field[samples.source[s]]);
    if (!std::isfinite(v)) continue;
    samples.weight[s] = 1;
    samples.finite++;
    samples.value[s] = samples.value_range > 0 ? static_cast<float>((v - least) / samples.value_range) : 0.0f;
    sum += samples.value[s];
  }
  samples.measured = samples.finite;
  samples.mean = samples.finite > 0 ? static_cast<float>(sum / static_cast<double>(samples.finite)) : 0.0f;
}

template void set_values(SampleSet&, std::span<const float>, double, double);
template void set_values(SampleSet&, std::span<const double>, double, double);

}  // namespace gaussitu
