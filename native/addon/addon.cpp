// What JavaScript sees: encode, open, decode, resolve, coarser, layout, encodeBounded, decodeBounded, state,
// describe, crc32, setThreads, threads, instructionSet, useDevice. Typed and documented in src/codec.
#include <zlib.h>

#include <algorithm>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "bounded/bounded.hpp"
#include "device/choose.hpp"
#include "jobs.hpp"
#include "stream/payload.hpp"

namespace gaussitu::addon {

namespace {

Napi::Value describe_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto payload = bytes(info[0], "payload");
  PayloadInfo described;
  try {
    described = describe_payload(payload);
  } catch (...) {
    throw describe(std::current_exception()).to_js(env);
  }
  const Model& m = described.header;
  Napi::Array lo = Napi::Array::New(env, 3), hi = Napi::Array::New(env, 3);
  for (uint32_t k = 0; k < 3; ++k) {
    const double a = m.domain.origin[k], b = a + m.domain.extent[k] / m.domain.scale[k];
    lo.Set(k, std::min(a, b));
    hi.Set(k, std::max(a, b));
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("version", described.version);
  out.Set("gaussians", static_cast<double>(described.gaussians));
  out.Set("valueMin", m.value_min);
  out.Set("valueRange", m.value_range);
  out.Set("lo", lo);
  out.Set("hi", hi);
  return out;
}

/// Where the model of a bounded payload is: { begin, bytes }.
Napi::Value model_of_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto payload = bytes(info[0], "payload");
  std::span<const uint8_t> model;
  try {
    model = model_of(payload);
  } catch (...) {
    throw describe(std::current_exception()).to_js(env);
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("begin", static_cast<double>(model.data() - payload.data()));
  out.Set("bytes", static_cast<double>(model.size()));
  return out;
}

Napi::Value crc32_js(const Napi::CallbackInfo& info) {
  const auto data = bytes(info[0], "bytes");
  return Napi::Number::New(info.Env(), static_cast<double>(crc32_z(0, data.data(), data.size())));
}

void set_threads(const Napi::CallbackInfo& info) {
  const double count = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  if (!(count >= 1 && count <= 1024)) invalid(info.Env(), "Expected 1 to 1024 for threads");
  set_thread_count(static_cast<unsigned>(count));
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), thread_count());
}

Napi::Value instruction_set_js(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), instruction_set_name());
}

/// (name, memory): the device of the process from now on, { name, description, note }.
Napi::Value use_device_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[1].IsNumber()) invalid(env, "Expected a name and bytes for device");
  DeviceChoice choice;
  try {
    choice = choose_device(info[0].As<Napi::String>(),
                           static_cast<size_t>(info[1].As<Napi::Number>().Int64Value()));
  } catch (...) {
    throw describe(std::current_exception()).to_js(env);
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("name", choice.device->name());
  out.Set("description", choice.device->description());
  out.Set("note", choice.note);
  use_device(std::move(choice.device));
  return out;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  exports.Set("encode", Napi::Function::New(env, start_encode));
  exports.Set("open", Napi::Function::New(env, start_open));
  exports.Set("decode", Napi::Function::New(env, start_decode));
  exports.Set("resolve", Napi::Function::New(env, start_resolve));
  exports.Set("coarser", Napi::Function::New(env, start_coarser));
  exports.Set("layout", Napi::Function::New(env, start_layout));
  exports.Set("encodeBounded", Napi::Function::New(env, start_encode_bounded));
  exports.Set("decodeBounded", Napi::Function::New(env, start_decode_bounded));
  exports.Set("state", Napi::Function::New(env, make_state_js));
  exports.Set("describe", Napi::Function::New(env, describe_js));
  exports.Set("modelOf", Napi::Function::New(env, model_of_js));
  exports.Set("crc32", Napi::Function::New(env, crc32_js));
  exports.Set("setThreads", Napi::Function::New(env, set_threads));
  exports.Set("threads", Napi::Function::New(env, threads));
  exports.Set("instructionSet", Napi::Function::New(env, instruction_set_js));
  exports.Set("useDevice", Napi::Function::New(env, use_device_js));
  return exports;
}

}  // namespace

NODE_API_MODULE(gaussitu, init)

}  // namespace gaussitu::addon
