// A model in whole numbers: what the entropy coder sees.
//
// Steps follow what the field feels. With A = U D (D its diagonal, U unit upper triangular) a Gaussian
// changes by d(d2) = 2 t' E t, t = A (x - mu), where E collects d log(diagonal) and dU: equal steps in those
// cost equal error whatever the Gaussian's size and orientation. Likewise the step of a centre's coordinate
// is a fraction of the Gaussian's own width along that axis (1 / |column of A|), not of the grid's.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "quantize/lattice.hpp"
#include "quantize/quant_steps.hpp"

namespace gaussitu {

/// Whole-number parameters of one Gaussian, in the order they are predicted and coded.
enum Parameter : int { kDiagonal = 0, kSkew = 3, kValue = 6, kCodedParameters = 7 };

/// Which of them are alike, in how wide they vary and how much neighbours share: the diagonal, the skews, the
/// value.
inline constexpr int kParameterKinds = 3;
inline constexpr int kind_of(int parameter) {
  return parameter / 3;
}

struct QuantisedModel {
  Model header;  // domain, value scaling, mean, coverage; no Gaussians
  QuantSteps steps;
  Lattice lattice;

  // [count], by ascending cell
  std::vector<uint64_t> cell;                // Morton code
  std::array<std::vector<uint32_t>, 3> sub;  // subdivision of the cell, per axis
  /// log2(a00 a11 a22) / scale, then (a01/a11, a02/a22, a12/a22) / skew, then v / value.
  std::array<std::vector<int32_t>, kCodedParameters> parameter;

  std::vector<uint32_t> origin;  // as Model::origin; what the coder of differences goes by

  size_t count() const { return cell.size(); }
  void resize(size_t n);
};

inline constexpr int32_t kMaxParameter = 1 << 28;
inline constexpr double kMaxLog2 = 40;  // of diagonal elements

/// A of one Gaussian from its whole numbers, [6] as in Model.
std::array<float, 6> shape_of(const std::array<int32_t, kCodedParameters>& q, const QuantSteps& steps);

/// Into how many parts a cell is cut along an axis for a Gaussian of this shape.
uint32_t divisions(const Lattice& lattice, int axis, const std::array<float, 6>& a, float step);

/// Rounds steps to what a payload can store, within the limits of docs/format.md.
QuantSteps storable(const QuantSteps& steps);

/// One Gaussian in whole numbers.
struct QuantisedGaussian {
  std::array<int32_t, kCodedParameters> parameter{};
  std::array<uint32_t, 3> cell{}, sub{};
};

/// How each parameter is rounded; `decoded` is what the reader will have of those decided before.
int32_t round_diagonal(float a, const QuantSteps& steps);
int32_t round_skew(double a, float decoded_diagonal, const QuantSteps& steps);
int32_t round_value(double v, const QuantSteps& steps);
/// Fills cell and sub of one axis and returns the decoded coordinate.
float round_position(const Lattice& lattice, int axis, float mu, const std::array<float, 6>& decoded,
                     const QuantSteps& steps, QuantisedGaussian& out);

/// A quantised model of the given Gaussians, sorted into payload order; `header` says where they come from.
QuantisedModel assemble(const Model& header, const QuantSteps& steps, const Lattice& lattice,
                        const std::vector<QuantisedGaussian>& gaussians);

/// Nearest whole numbers of every parameter, sorted into payload order. Parameters beyond what a payload can
/// hold are clamped; `model` must be finite.
QuantisedModel to_integers(const Model& model, const QuantSteps& steps);
QuantisedModel to_integers(const Model& model, const QuantSteps& steps, const Lattice& lattice);

/// The model that readers see, in payload order; the same bits on every machine.
Model from_integers(const QuantisedModel& q);

/// Sorts the Gaussians into payload order: by cell, then by part; of equals the order they have.
void sort(QuantisedModel& q);

/// The Gaussians listed, in that order, without their origins.
QuantisedModel selected(const QuantisedModel& q, const std::vector<size_t>& which);

/// The Gaussians of `more` behind those of `q`.
void append(QuantisedModel& q, const QuantisedModel& more);

/// Replaces the values by the nearest whole numbers of `v`, [count] in payload order.
void requantise_values(QuantisedModel& q, const std::vector<float>& v);

}  // namespace gaussitu
