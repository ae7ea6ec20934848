#include "metrics.hpp"

#include "errors.hpp"

namespace gaussitu::addon {

ArrayView field_values(const Napi::Object& request, KeptArrays& kept) {
  static constexpr double kNothing = 0;
  ArrayView view;
  const auto data = bytes(request.Get("data"), "data", kept);
  view.dtype = dtype(request);
  const size_t width = view.dtype == Dtype::f32 ? 4 : 8;
  const auto components = static_cast<size_t>(number(request, "components"));
  const auto component = static_cast<size_t>(number(request, "component"));
  if (components < 1 || component >= components || data.size() % (width * components) != 0)
    invalid(request.Env(), "Expected data of whole values of " + std::to_string(components) +
                               " components but received " + std::to_string(data.size()) + " bytes");
  view.count = data.size() / width / components;
  view.stride = components;
  // A view without data means "positions only" to the core.
  view.data = data.empty() ? static_cast<const void*>(&kNothing) : data.data() + component * width;
  return view;
}

Napi::Object metrics_js(Napi::Env env, const Metrics& m) {
  Napi::Object metrics = Napi::Object::New(env);
  metrics.Set("valueMin", m.value_min);
  metrics.Set("valueMax", m.value_max);
  metrics.Set("rmse", m.rmse);
  metrics.Set("maxError", m.max_error);
  if (m.max_relative_error >= 0) metrics.Set("maxRelativeError", m.max_relative_error);
  metrics.Set("psnr", m.psnr);
  metrics.Set("values", static_cast<double>(m.values));
  metrics.Set("nonFinite", static_cast<double>(m.non_finite));
  metrics.Set("crc", m.crc);
  return metrics;
}

}  // namespace gaussitu::addon
