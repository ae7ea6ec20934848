// The facade of the core: one field on one block to bytes within a target, and back.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/views.hpp"
#include "train/train.hpp"

namespace gaussitu {

/// What a payload has to meet. Exactly one of bytes, psnr, gaussians is above 0.
struct EncodeTarget {
  size_t bytes = 0;      // payload size: met from below, within 1.5 % whenever the model is at least 1 kB
  double psnr = 0;       // dB over the value range, of the decoded payload: met from above, within 0.5 dB
  size_t gaussians = 0;  // for experiments
};

struct EncodeSettings {
  EncodeTarget target;
  Optimiser optimiser = Optimiser::levenberg_marquardt;
  int iterations = 0;  // 0: chosen (cold 60 to 120, small models up to 650, warm 24, changes 36)
  double seconds = 0;  // to train and quantise, 0: no limit; a target is met even where that takes longer
  std::span<const uint8_t> previous;  // payload of the previous step, no delta: a warm start; empty: cold
  bool may_refer = false;             // the payload may be a delta: changes to `previous` alone
};

/// Measured on the decoded payload at every finite sample, in double.
struct Metrics {
  double value_min = 0, value_max = 0;  // of the finite values; value_max - value_min is the PSNR's peak
  double rmse = 0, max_error = 0;       // field units
  double max_relative_error = -1;       // largest |x - decoded| / |x|; measured for point-wise bounds only
  double psnr = 0;                      // dB; infinite when exact
  uint64_t values = 0, non_finite = 0;
  uint32_t crc =
      0;  // CRC-32 (zlib's) of the decoded array in the field's dtype, little-endian, without ghosts
};

struct EncodeResult {
  std::vector<uint8_t> payload;
  bool refers = false;  // the payload is a delta
  std::vector<uint8_t>
      whole;  // the same model as a payload that stands alone: what the next step starts from
  Metrics metrics;
  TrainResult training;
  size_t gaussians = 0;
  bool warm = false;
  std::string device;  // that did the work: Device::name()
};

/// On the device in use (device/device.hpp).
EncodeResult encode(const MeshView& mesh, Association association, const ArrayView& values,
                    const EncodeSettings& settings, const Control& control);

}  // namespace gaussitu
