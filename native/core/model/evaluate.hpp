// The canonical evaluator: the value of a point is defined by exact operations in the order of the Gaussians,
// so it is the same bits on every instruction set, thread count and tiling. Definition in docs/format.md.
#pragma once
#include <cstdint>
#include <vector>

#include "model/model.hpp"
#include "sample/sample_set.hpp"

namespace gaussitu {

/// Scaled values f at the samples' positions. `out` [padded samples]; `cover`, when given, receives sum_i
/// w_i.
void evaluate(const Model& model, const SampleSet& samples, float* out, float* cover = nullptr);

class TileTree;
/// The same, with the samples' tree at hand.
void evaluate(const Model& model, const SampleSet& samples, const TileTree& tree, float* out, float* cover);

/// The slow, obvious definition for one point, model coordinates: what every fast path is tested against.
float evaluate_reference(const Model& model, float x, float y, float z, float* cover = nullptr);

/// Field value of a scaled value, in double: value_min + value_range * f, fused. Callers narrow to f32 if
/// needed.
double unscale(const Model& model, float f);

}  // namespace gaussitu
