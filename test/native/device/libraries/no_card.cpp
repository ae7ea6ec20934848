// A CUDA library on a machine with a driver whose cards all went away: what it is asked shows in the error.
#include "device/library.hpp"

namespace {
class Library final : public gaussitu::DeviceLibrary {
  gaussitu::FoundCards find() override { return {0, "a driver without a card"}; }
  std::shared_ptr<gaussitu::Device> open(int, size_t) override { return nullptr; }
};
}  // namespace

extern "C" __attribute__((visibility("default"))) gaussitu::DeviceLibrary* gaussitu_cuda(uint64_t wanted,
                                                                                         uint64_t* has) {
  static Library library;
  *has = gaussitu::device_interface();
  return wanted == *has ? &library : nullptr;
}
