// Memory of the simulation, looked at before it is read: an address that cannot be read must cost a field,
// not the process. Nodes say where their arrays are, but not whether that is on a GPU.
#pragma once
#include <cstddef>

namespace gaussitu::catalyst {

enum class Place {
  host,
  device,  // of CUDA, and its driver is in this process: client::cuda::copy_from_device works
  nowhere  // not mapped, not readable, or of a device that we cannot read
};

/// Where [first, first + bytes) is. Costs a few microseconds per array.
Place place_of(const void* first, size_t bytes);
}  // namespace gaussitu::catalyst
