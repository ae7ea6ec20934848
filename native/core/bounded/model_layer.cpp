#include "bounded/model_layer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "bounded/arrange.hpp"
#include "residual/residual_coder.hpp"
#include "residual/structured.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

namespace {

constexpr double kAutomaticShare = 0.025;
constexpr size_t kValuesPerByte = 256;
constexpr int kTrialLevel = 2;  // a trial codes the points at multiples of 2^2
constexpr double kTrialGain = 0.005;

/// Every `stride`-th point along each axis.
template <class T>
std::vector<T> thin_out(const GridShape& grid, const T* values, int64_t stride) {
  std::vector<T> out;
  for (int64_t z = 0; z < grid.dims[2]; z += stride)
    for (int64_t y = 0; y < grid.dims[1]; y += stride)
      for (int64_t x = 0; x < grid.dims[0]; x += stride)
        out.push_back(values[size_t(x) + size_t(y) * grid.stride(1) + size_t(z) * grid.stride(2)]);
  return out;
}

}  // namespace

size_t model_bytes(double share, size_t plain, size_t values) {
  const auto of = [&](double s) {
    return static_cast<size_t>(std::clamp(s, 0.0, 1.0) * static_cast<double>(plain));
  };
  const size_t bytes = share < 0 ? std::min(of(kAutomaticShare), values / kValuesPerByte) : of(share);
  return bytes > kModelCertificateBytes ? bytes - kModelCertificateBytes : 0;
}

template <class T>
SmallModel<T> fit_layer(const Layout& layout, std::span<const T> values, const uint8_t* skip, double least,
                        double most, size_t bytes, bool thorough, std::span<const uint8_t> previous) {
  const auto all = positions(layout);
  if (!all) return {};
  std::vector<T> field(values.begin(), values.end());
  if (skip != nullptr)
    for (size_t i = 0; i < field.size(); i++)
      if (skip[i]) field[i] = std::numeric_limits<T>::quiet_NaN();
  field = from_layout(layout, std::move(field));
  SmallModel<T> model = fit_small_model<T>({all.get(), field, least, most, bytes, thorough, previous}, {});
  model.values = to_layout(layout, std::span<const T>(model.values));
  return model;
}

template <class T>
bool helps(const Layout& layout, std::span<const T> values, const uint8_t* skip, double bound,
           std::span<const Reference> references, std::span<const T> model) {
  // Scattered points have no subgrid to try on: the whole block tells, where there is no history to beat.
  if (layout.kind == LayoutKind::scattered)
    return std::none_of(references.begin(), references.end(),
                        [](const Reference& r) { return r.same_quantity; });
  const GridShape& grid = layout.grid;
  const int64_t stride = int64_t{1} << kTrialLevel;
  GridShape coarse;
  for (size_t k = 0; k < 3; k++) coarse.dims[k] = (grid.dims[k] + stride - 1) / stride;
  std::vector<std::vector<T>> data;
  std::vector<std::vector<uint8_t>> magnitudes;
  std::vector<Reference> list;
  data.reserve(references.size() + 1);
  magnitudes.reserve(references.size());
  for (const Reference& r : references) {
    data.push_back(thin_out(grid, static_cast<const T*>(r.data), stride));
    list.push_back({data.back().data(), nullptr, r.same_quantity});
    if (r.magnitudes == nullptr) continue;
    magnitudes.push_back(thin_out(grid, r.magnitudes, stride));
    list.back().magnitudes = magnitudes.back().data();
  }
  const std::vector<T> own = thin_out(grid, values.data(), stride);
  const std::vector<uint8_t> out = skip != nullptr ? thin_out(grid, skip, stride) : std::vector<uint8_t>();
  double finer = bound;
  for (int level = 0; level < kTrialLevel; level++) finer /= kLevelGrowth;
  const auto bytes = [&] {
    DecodedBlock<T> decoded;
    return encode_structured<T>(coarse, own.data(), skip != nullptr ? out.data() : nullptr, finer, list,
                                decoded)
        .size();
  };
  const size_t without = bytes();
  data.push_back(thin_out(grid, model.data(), stride));
  list.push_back({data.back().data(), nullptr, true});
  return static_cast<double>(bytes()) < (1 - kTrialGain) * static_cast<double>(without);
}

template <class T>
std::vector<T> decode_layer(const Layout& layout, std::span<const uint8_t> payload) {
  const Model model = decode_payload(payload);
  const auto all = positions(layout);
  if (!all || model.domain.origin != all->domain.origin || model.domain.scale != all->domain.scale)
    throw Error(Code::corrupt_stream,
                "Expected a model of this mesh in the payload but received another one");
  const std::vector<T> values = values_at<T>(model, *all);
  return to_layout(layout, std::span<const T>(values));
}

#define GAUSSITU_INSTANCES(T)                                                                                \
  template SmallModel<T> fit_layer(const Layout&, std::span<const T>, const uint8_t*, double, double,        \
                                   size_t, bool, std::span<const uint8_t>);                                  \
  template bool helps(const Layout&, std::span<const T>, const uint8_t*, double, std::span<const Reference>, \
                      std::span<const T>);                                                                   \
  template std::vector<T> decode_layer(const Layout&, std::span<const uint8_t>);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
