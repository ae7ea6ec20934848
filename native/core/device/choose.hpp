// From what a user asks for to a device.
#pragma once
#include <memory>
#include <string>

#include "device/device.hpp"

namespace gaussitu {

struct DeviceChoice {
  std::shared_ptr<Device> device;
  std::string note;  // of "auto": why it is not a card; else empty
};

/// `name`: "cpu", "cuda:N", or "auto": the first card, or the CPU. `memory`: bytes of a card that may be
/// used, 0: nine tenths of what is free. Throws Error(invalid_argument) for another name, Error(unavailable)
/// for a card that is not there.
DeviceChoice choose_device(const std::string& name, size_t memory);

}  // namespace gaussitu
