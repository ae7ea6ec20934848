#include "device/device.hpp"

namespace gaussitu {

namespace {
std::shared_ptr<Device>& chosen() {
  // Never destroyed: threads of the pool may still be at work when the process exits.
  static auto* device = new std::shared_ptr<Device>;
  return *device;
}
}  // namespace

Device& device_in_use() {
  return chosen() ? *chosen() : cpu_device();
}

void use_device(std::shared_ptr<Device> device) {
  chosen() = std::move(device);
}

}  // namespace gaussitu
