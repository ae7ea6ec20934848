// Samples and models on the device.
#pragma once
#include "device_array.hpp"
#include "model/model.hpp"
#include "sample/sample_set.hpp"
#include "views.cuh"

namespace gaussitu::cuda {

/// What is a tile on the device: one of the host's, or of columns a part of one as long as a unit, because
/// each block takes its tile's whole list of Gaussians, and long tiles have long lists.
struct Piece {
  uint32_t begin, count;  // first sample, samples
  uint32_t steps;         // columns: samples along x
  uint32_t stride;        // columns: from the first sample of one to that of the next
  float lo[3], hi[3];     // as of Tile
};
/// Of all tiles in turn.
std::vector<Piece> pieces(const SampleSet& samples);

/// A copy of a sample set, cut into units for warps.
class DeviceSamples {
 public:
  DeviceSamples(const SampleSet& samples, Memory& memory, Stream& stream);
  SamplesView view() const;
  bool columns() const { return columns_; }
  size_t tiles() const { return tiles_; }
  /// Blocks of kWarps units.
  unsigned blocks() const { return static_cast<unsigned>(units_.size() / kWarps); }
  size_t padded() const { return x_.size(); }

 private:
  bool columns_;
  size_t tiles_ = 0;
  DeviceArray<float> x_, y_, z_, value_, weight_;
  DeviceArray<Unit> units_;
  DeviceArray<Box> boxes_;
  DeviceArray<float4> tile_boxes_, group_boxes_;
  DeviceArray<uint32_t> tile_units_;
};

/// A model's Gaussians. What they belong to (domain, ranges) stays on the host.
class DeviceModel {
 public:
  explicit DeviceModel(Memory& memory) : centre_(memory), shape_(memory), rest_(memory) {}
  void upload(const Model& model, Stream& stream);
  /// Sets the Gaussians of `model`; waits for the stream.
  void download(Model& model, Stream& stream) const;
  ModelView view() const {
    return {centre_.data(), shape_.data(), rest_.data(), static_cast<uint32_t>(centre_.size())};
  }
  size_t count() const { return centre_.size(); }
  /// Makes room for that many; contents are lost when there was less.
  void reserve(size_t n) {
    centre_.reserve(n);
    shape_.reserve(n);
    rest_.reserve(n);
  }
  void resize(size_t n) {
    centre_.resize(n);
    shape_.resize(n);
    rest_.resize(n);
  }

 private:
  DeviceArray<float4> centre_, shape_;
  DeviceArray<float2> rest_;
};

}  // namespace gaussitu::cuda
