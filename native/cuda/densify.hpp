// Where a model needs more Gaussians: grow() of native/core/train/resize_model.cpp, with what is of the
// samples' size done on the device. The same residuals give the same Gaussians.
#pragma once
#include "reach.hpp"

namespace gaussitu::cuda {

/// A group of neighbouring samples.
struct Place {
  double squared;   // summed error
  float worst;      // the largest error, at most 0 where the group is empty
  uint32_t sample;  // and where
};

struct TileShape {
  uint32_t begin, count, n[3];  // as in Tile
};

class Densifier {
 public:
  Densifier(const SampleSet& samples, Memory& memory);

  /// Adds up to `wanted` Gaussians to `model`, of which `on_device` and `reach` are copies and lists; e
  /// [padded] are its residuals. Fewer where there are not so many places; returns how many. Waits for the
  /// stream.
  size_t add(Model& model, size_t wanted, const ModelView& on_device, const DeviceSamples& samples,
             const DeviceReach& reach, const float* e, Stream& stream);

 private:
  std::vector<Place> worst_places(uint32_t side, const DeviceSamples& samples, const float* e,
                                  Stream& stream);

  const SampleSet& host_;
  DeviceArray<Place> places_;
  DeviceArray<TileShape> tiles_;
  std::vector<uint32_t> first_piece_;  // [tiles] the device's tiles are pieces of the host's (samples.hpp)
  DeviceArray<uint32_t> chosen_, tile_of_, strongest_;
};

}  // namespace gaussitu::cuda
