// Samples and a model on the emulated device, with the lists of who reaches whom.
#pragma once
#include "forward.hpp"

namespace cases {

struct OnDevice {
  gaussitu::cuda::Memory memory;
  gaussitu::cuda::Stream stream;
  gaussitu::cuda::DeviceSamples samples;
  gaussitu::cuda::DeviceModel model{memory};
  gaussitu::cuda::DeviceReach reach{memory};

  OnDevice(const gaussitu::Model& m, const gaussitu::SampleSet& s) : samples(s, memory, stream) {
    model.upload(m, stream);
    reach.find_all(model.view(), samples, stream);
  }
};

}  // namespace cases
