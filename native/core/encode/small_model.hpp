// A small model, in a fraction of a second unless asked for thoroughly: few Gaussians, trained on as many
// samples as they can make use of. It stays beside an error-bounded residual, so that a bounded field can be
// drawn and asked between its samples, and gives the residual a first guess (docs/residual.md).
#pragma once
#include <span>
#include <string>

#include "encode/encode.hpp"

namespace gaussitu {

/// What a small model is made for; borrows its arrays.
template <class T>
struct SmallModelRequest {
  const SampleSet* all = nullptr;     // positions of all samples
  std::span<const T> field;           // [total] in the mesh's order without ghosts, NaN where it says nothing
  double least = 0, most = 0;         // range that is scaled to [0, 1], and the peak of the PSNR
  size_t bytes = 0;                   // at most
  bool thorough = false;              // as encode() trains: seconds
  std::span<const uint8_t> previous;  // payload of the step before, for a warm start; or empty
};

template <class T>
struct SmallModel {
  std::vector<uint8_t> payload;  // empty: no model of so few bytes is of any use
  std::vector<T> values;         // [total] of the decoded payload at all samples
  size_t gaussians = 0;
  double psnr = 0;  // dB, over the values that are not NaN
  int iterations = 0;
  bool warm = false;
  std::string device;  // that trained it: Device::name()
};

/// Deterministic. Every sample that is not NaN is inside the model's domain.
template <class T>
SmallModel<T> fit_small_model(const SmallModelRequest<T>& request, const Control& control);

/// Values of a model at all samples, [total], in the field's type, finite; `cover` [padded], when given, as
/// evaluate().
template <class T>
std::vector<T> values_at(const Model& model, const SampleSet& all, float* cover = nullptr);

}  // namespace gaussitu
