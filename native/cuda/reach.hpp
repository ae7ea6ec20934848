// Which Gaussians can reach which tiles, found on the device: the lists of native/core/model/reach.hpp. A
// pair that is left out has weight exactly 0 at every sample of the tile.
#pragma once
#include "samples.hpp"
#include "sort.hpp"

namespace gaussitu::cuda {

class DeviceReach {
 public:
  explicit DeviceReach(Memory& memory);

  /// Makes room for the lists of about `pairs` pairs.
  void reserve(size_t pairs);
  size_t capacity() const { return tiles_.size(); }
  /// Finds the lists. Nothing waits: where they do not fit, they are left empty: listed() is not wanted().
  void find(const ModelView& model, const DeviceSamples& samples, Stream& stream);
  /// find() with as much room as it takes; waits for the stream.
  void find_all(const ModelView& model, const DeviceSamples& samples, Stream& stream);

  ListsView tiles() const { return {tile_starts_.data(), tiles_.data()}; }  // [gaussians], ascending
  ListsView gaussians() const { return {gaussian_starts_.data(), sorter_.values()}; }  // [tiles], ascending
  /// Device numbers: how many pairs there are, and how many of them are in the lists (all or none).
  const uint32_t* wanted() const { return numbers_.data(); }
  const uint32_t* listed() const { return numbers_.data() + 1; }

 private:
  DeviceArray<float4> half_;                            // [gaussians] half sizes of the boxes around them
  DeviceArray<uint32_t> tile_starts_, tiles_, owners_;  // owners: the Gaussian of each pair
  DeviceArray<uint32_t> gaussian_starts_, sums_, numbers_;
  Sorter sorter_;
};

}  // namespace gaussitu::cuda
