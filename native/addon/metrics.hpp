// What encode and encodeBounded have in common with JavaScript: values in, metrics out.
#pragma once
#include "arguments.hpp"
#include "encode/encode.hpp"

namespace gaussitu::addon {

/// { data, dtype, components, component } as a view of one component.
ArrayView field_values(const Napi::Object& request, KeptArrays& kept);

Napi::Object metrics_js(Napi::Env env, const Metrics& metrics);

}  // namespace gaussitu::addon
