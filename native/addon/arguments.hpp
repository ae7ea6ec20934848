// JavaScript values to the core's structs. The typed face (src/codec) has checked meaning; here types and
// lengths are checked, so that no caller can make native code read outside an array.
#pragma once
#include <napi.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/views.hpp"
#include "sample/places.hpp"

namespace gaussitu::addon {

/// Keeps JavaScript arrays alive while another thread reads them. Made and destroyed on the JavaScript
/// thread.
using KeptArrays = std::vector<Napi::Reference<Napi::Value>>;

double number(const Napi::Object& object, const char* key);
/// Number of a property that may be absent (undefined): `otherwise`.
double number_or(const Napi::Object& object, const char* key, double otherwise);

/// Bytes of a Uint8Array, not copied.
std::span<const uint8_t> bytes(const Napi::Value& value, const char* name);
std::span<const uint8_t> bytes(const Napi::Value& value, const char* name, KeptArrays& kept);

struct MeshArguments {
  MeshView mesh;
  Association association = Association::node;
};
/// { kind, dims, origin, spacing, axes, points, connectivity, offsets, types, ghost, association }
MeshArguments mesh(const Napi::Object& object, KeptArrays& kept);

/// { box: six whole numbers, first and last along x, y and z }, or absent.
std::optional<IndexBox> index_box(const Napi::Object& object);

Dtype dtype(const Napi::Object& object);

}  // namespace gaussitu::addon
