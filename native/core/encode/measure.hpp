// What a decoded model gives back: the field's array, and how far it is from the original.
#pragma once
#include <vector>

#include "device/device.hpp"
#include "encode/encode.hpp"
#include "model/evaluate.hpp"

namespace gaussitu {

/// A decoded field in the order of the mesh's array without ghosts, field units.
struct DecodedField {
  std::vector<double> values;   // [total]; rounded to f32 where `dtype` asks for it
  std::vector<uint8_t> inside;  // [total] 1 where the point is inside the model's domain
};
DecodedField decode_field(const Model& model, Session& positions, Dtype dtype);

/// Compares a decoded model with the original at every finite value. `samples` came from the same arguments.
Metrics measure(const Model& model, Session& samples, const MeshView& mesh, Association association,
                const ArrayView& values);

/// Mean squared error of scaled values over the finite values of the field: the cheap measure used while
/// searching.
double mean_squared_error(const Model& model, Session& session);
/// The same of values [padded] that evaluate() gave.
double mean_squared_error(const std::vector<float>& f, const SampleSet& samples);

}  // namespace gaussitu
