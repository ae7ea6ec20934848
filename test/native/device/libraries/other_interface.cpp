// A CUDA library of another version of the interface, as an old build leaves one behind.
#include "device/library.hpp"

extern "C" __attribute__((visibility("default"))) gaussitu::DeviceLibrary* gaussitu_cuda(uint64_t,
                                                                                         uint64_t* has) {
  *has = gaussitu::device_interface() + (uint64_t{1} << 32);
  return nullptr;
}
