// The Gaussian layer of an error-bounded block: a small model beside the residual, so that the field can be
// drawn and asked anywhere, which also predicts the residual's coarse levels where that makes the block
// smaller.
#pragma once
#include <span>

#include "bounded/layout.hpp"
#include "encode/small_model.hpp"
#include "residual/features.hpp"
#include "residual/specials.hpp"

namespace gaussitu {

/// A block with its model, its certificate included, is at most this much larger than without.
inline constexpr double kModelMayAdd = 0.03;
/// What the certificate of a model takes in a step file.
inline constexpr size_t kModelCertificateBytes = 64;

inline constexpr double kAutomaticModel = -1, kBestModel = -2;  // shares

/// How large the model may be.
struct ModelRequest {
  /// Of the bytes that the block takes without: 0 no model, kAutomaticModel: 2.5 % but no more than one byte
  /// for 256 values, trained quickly, so that it stays cheap beside coding. Else it is trained thoroughly;
  /// kBestModel: with the share that makes the block shortest. Only blocks without history have large models.
  double share = 0;
  std::span<const uint8_t> previous;  // payload of the model of the step before, or empty
};

/// Bytes for the model of a block of so many values that takes `plain` bytes without.
size_t model_bytes(double share, size_t plain, size_t values);

/// Trains a model of `values` (layout order, special ones left out) of at most `bytes`; its values are in
/// layout order. Without payload when the layout has no place, or nothing useful fits.
template <class T>
SmallModel<T> fit_layer(const Layout& layout, std::span<const T> values, const uint8_t* skip, double least,
                        double most, size_t bytes, bool thorough, std::span<const uint8_t> previous);

/// Whether the model is worth coding the whole block again with it as a reference: the coarse levels alone, a
/// 64th of a 3-D grid, are coded with and without. `references` without the model.
template <class T>
bool helps(const Layout& layout, std::span<const T> values, const uint8_t* skip, double bound,
           std::span<const Reference> references, std::span<const T> model);

/// The values of a stored model at the layout's places, in its order: what the decoder predicts from. Throws
/// corrupt_stream, also when the model is of another mesh.
template <class T>
std::vector<T> decode_layer(const Layout& layout, std::span<const uint8_t> payload);

}  // namespace gaussitu
