// The long operations: each returns { promise, cancel() }.
#pragma once
#include "job.hpp"

namespace gaussitu::addon {

/// (request, onProgress | undefined); request: the mesh's keys (arguments.hpp) and data, dtype, components,
/// component, bytes | psnr | gaussians, optimiser (0: lm, 1: adam), iterations, seconds, previous, mayRefer.
Napi::Value start_encode(const Napi::CallbackInfo& info);

/// (payload, previous): bytes of the model of a delta that stand alone; previous: bytes of the model that it
/// refers to.
Napi::Value start_resolve(const Napi::CallbackInfo& info);

/// (payload, part): bytes of the model of its first Gaussians; the payload may be cut.
Napi::Value start_coarser(const Napi::CallbackInfo& info);

/// (payload): a model that is ready to be asked many times, for start_decode.
Napi::Value start_open(const Napi::CallbackInfo& info);

/// (payload or open model, at); at: the mesh's keys, dtype, box (arguments.hpp) and gradient (true: too).
Napi::Value start_decode(const Napi::CallbackInfo& info);

/// (at): the mesh's keys, or { values } for values without a place. A layout: where values sit, { bytes,
/// values }.
Napi::Value start_layout(const Napi::CallbackInfo& info);

/// (request): layout, data, dtype, components, component, abs | rel | bytes | psnr, guess?, fills?, earlier
/// [states], siblings [states], modelShare (negative: automatic), previousModel?.
Napi::Value start_encode_bounded(const Napi::CallbackInfo& info);

/// (values): a state of decoded values, for use as a reference. At once.
Napi::Value make_state_js(const Napi::CallbackInfo& info);

/// (request): layout, payload, dtype, earlier [states], siblings [states].
Napi::Value start_decode_bounded(const Napi::CallbackInfo& info);

}  // namespace gaussitu::addon
