#include "arguments.hpp"

#include <cmath>

#include "errors.hpp"

namespace gaussitu::addon {

namespace {

[[noreturn]] void expected(const Napi::Env& env, const std::string& what, const char* key) {
  invalid(env, "Expected " + what + " for " + key);
}

double as_number(const Napi::Value& value, const char* key) {
  if (!value.IsNumber()) expected(value.Env(), "a number", key);
  return value.As<Napi::Number>().DoubleValue();
}

uint32_t as_count(const Napi::Value& value, const char* key) {
  const double x = as_number(value, key);
  if (!(x >= 0 && x <= 4294967295.0 && x == std::floor(x)))
    expected(value.Env(), "a whole number from 0 to 4294967295", key);
  return static_cast<uint32_t>(x);
}

template <size_t n, class T, class Read>
void tuple(const Napi::Object& object, const char* key, std::array<T, n>& out, Read read) {
  const Napi::Value value = object.Get(key);
  if (value.IsUndefined()) return;
  if (!value.IsArray() || value.As<Napi::Array>().Length() != n)
    expected(object.Env(), std::to_string(n) + " numbers", key);
  for (uint32_t i = 0; i < n; ++i) out[i] = read(value.As<Napi::Array>().Get(i), key);
}

Napi::TypedArray array(const Napi::Value& value, const char* key, KeptArrays& kept) {
  if (!value.IsTypedArray()) expected(value.Env(), "a typed array", key);
  kept.push_back(Napi::Reference<Napi::Value>::New(value, 1));
  return value.As<Napi::TypedArray>();
}

const uint8_t* start(const Napi::TypedArray& a) {
  return static_cast<const uint8_t*>(a.ArrayBuffer().Data()) + a.ByteOffset();
}

ArrayView coordinates(const Napi::Value& value, const char* key, KeptArrays& kept) {
  ArrayView view;
  if (value.IsUndefined()) return view;
  const auto a = array(value, key, kept);
  if (a.TypedArrayType() != napi_float32_array && a.TypedArrayType() != napi_float64_array)
    expected(value.Env(), "a Float32Array or Float64Array", key);
  view.dtype = a.TypedArrayType() == napi_float32_array ? Dtype::f32 : Dtype::f64;
  view.count = a.ElementLength();
  view.data = start(a);
  return view;
}

struct Indices {
  const void* data = nullptr;
  size_t count = 0;
  uint8_t width = 4;
};

Indices indices(const Napi::Value& value, const char* key, KeptArrays& kept) {
  if (value.IsUndefined()) return {};
  const auto a = array(value, key, kept);
  if (a.TypedArrayType() != napi_int32_array && a.TypedArrayType() != napi_bigint64_array)
    expected(value.Env(), "an Int32Array or BigInt64Array", key);
  return {start(a), a.ElementLength(), static_cast<uint8_t>(a.ElementSize())};
}

void unstructured(const Napi::Object& object, MeshView& mesh, KeptArrays& kept) {
  const Indices connectivity = indices(object.Get("connectivity"), "connectivity", kept);
  const Indices offsets = indices(object.Get("offsets"), "offsets", kept);
  const auto types = bytes(object.Get("types"), "types", kept);
  if (connectivity.width != offsets.width)
    expected(object.Env(), "offsets of the same type as connectivity", "offsets");
  if (offsets.count != types.size() + 1)
    invalid(object.Env(), "Expected " + std::to_string(types.size() + 1) +
                              " offsets (cells + 1) but received " + std::to_string(offsets.count));
  mesh.connectivity = connectivity.data;
  mesh.connectivity_count = connectivity.count;
  mesh.offsets = offsets.data;
  mesh.index_bytes = offsets.width;
  mesh.types = types.data();
  mesh.cells = types.size();
}

}  // namespace

double number(const Napi::Object& object, const char* key) {
  return as_number(object.Get(key), key);
}

double number_or(const Napi::Object& object, const char* key, double otherwise) {
  const Napi::Value value = object.Get(key);
  return value.IsUndefined() ? otherwise : as_number(value, key);
}

std::span<const uint8_t> bytes(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    expected(value.Env(), "a Uint8Array", name);
  const auto a = value.As<Napi::TypedArray>();
  return {start(a), a.ByteLength()};
}

std::span<const uint8_t> bytes(const Napi::Value& value, const char* name, KeptArrays& kept) {
  const auto view = bytes(value, name);
  kept.push_back(Napi::Reference<Napi::Value>::New(value, 1));
  return view;
}

MeshArguments mesh(const Napi::Object& object, KeptArrays& kept) {
  MeshArguments out;
  MeshView& m = out.mesh;
  const uint32_t kind = as_count(object.Get("kind"), "kind");
  const uint32_t association = as_count(object.Get("association"), "association");
  if (kind > 4 || association > 1) expected(object.Env(), "a known mesh kind and association", "kind");
  m.kind = static_cast<MeshKind>(kind);
  out.association = static_cast<Association>(association);
  tuple(object, "dims", m.dims, as_count);
  tuple(object, "origin", m.origin, as_number);
  tuple(object, "spacing", m.spacing, as_number);
  tuple(object, "ghost", m.ghost, as_count);
  if (m.kind == MeshKind::rectilinear) {
    constexpr const char* names[3] = {"x", "y", "z"};
    for (int k = 0; k < 3; ++k) m.axis[k] = coordinates(object.Get(names[k]), names[k], kept);
  }
  m.points = coordinates(object.Get("points"), "points", kept);
  if (m.kind == MeshKind::unstructured) unstructured(object, m, kept);
  return out;
}

std::optional<IndexBox> index_box(const Napi::Object& object) {
  if (object.Get("box").IsUndefined()) return std::nullopt;
  std::array<uint32_t, 6> box{};
  tuple(object, "box", box, as_count);
  return IndexBox{{box[0], box[2], box[4]}, {box[1], box[3], box[5]}};
}

Dtype dtype(const Napi::Object& object) {
  const Napi::Value value = object.Get("dtype");
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name != "f32" && name != "f64") expected(object.Env(), "'f32' or 'f64'", "dtype");
  return name == "f32" ? Dtype::f32 : Dtype::f64;
}

}  // namespace gaussitu::addon
