// The seam between the core and libgaussitu_cuda.so, which is opened at run time: a machine without a driver,
// a card or the library itself runs the same build on the CPU. Both sides are compiled from this header; the
// library needs nothing of the core but headers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "device/device.hpp"

namespace gaussitu {

/// What the library found on this machine.
struct FoundCards {
  int count = 0;
  std::string problem;  // why there is none that can be used: "no NVIDIA driver ..."
};

/// Lives as long as the process.
class DeviceLibrary {
 public:
  virtual FoundCards find() = 0;
  /// Card `index` < find().count, of which all sessions together hold at most `memory` bytes (0: nine tenths
  /// of what is free now). Throws Error(unavailable).
  virtual std::shared_ptr<Device> open(int index, size_t memory) = 0;

 protected:
  ~DeviceLibrary() = default;
};

/// Grows whenever a class of device.hpp or this header changes its meaning. The upper half is that number,
/// the lower one tells apart builds that lay out what they exchange in different ways.
inline constexpr uint32_t kDeviceInterface = 2;
constexpr uint64_t device_interface() {
  uint32_t layout = 2166136261u;
  for (const size_t size : {sizeof(Model), sizeof(SampleSet), sizeof(Tile), sizeof(Moments),
                            sizeof(TrainSettings), sizeof(TrainResult), sizeof(Control), sizeof(std::string)})
    layout = (layout ^ static_cast<uint32_t>(size)) * 16777619u;
  return (uint64_t{kDeviceInterface} << 32) | layout;
}

/// The one symbol that the library exports, `gaussitu_cuda`. Null when the caller's interface is another one;
/// `has` receives the library's in any case. Never throws.
using DeviceLibraryEntry = DeviceLibrary* (*)(uint64_t wanted, uint64_t* has);
inline constexpr const char* kDeviceLibraryEntry = "gaussitu_cuda";

/// The library in file `path`. Throws Error(unavailable): what was expected, what was found, how to mend it.
DeviceLibrary& load_device_library(const std::string& path);

/// Where it is looked for: GAUSSITU_CUDA_LIBRARY (environment), or libgaussitu_cuda.so beside the file that
/// holds this code.
std::string device_library_path();

}  // namespace gaussitu
