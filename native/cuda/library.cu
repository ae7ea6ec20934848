// What the core opens: which cards there are, and why not when there are none.
#include "base/error.hpp"
#include "card.hpp"
#include "device/library.hpp"
#include "launch.hpp"

namespace gaussitu::cuda {

namespace {

class Library final : public DeviceLibrary {
 public:
  FoundCards find() override {
    int count = 0;  // the runtime leaves it untouched without a driver
    const cudaError_t status = cudaGetDeviceCount(&count);
    cudaGetLastError();
    if (status == cudaSuccess && count > 0) return {count, ""};
    if (status == cudaErrorInsufficientDriver)
      return {0, "no NVIDIA driver, or one that is older than the CUDA " + runtime() + " of this build"};
    if (status == cudaSuccess || status == cudaErrorNoDevice) return {0, "a driver without a card"};
    return {0, std::string("a driver that says: ") + cudaGetErrorString(status)};
  }

  std::shared_ptr<Device> open(int index, size_t memory) override {
    return std::make_shared<Card>(index, memory);
  }

 private:
  static std::string runtime() {
#ifdef CUDART_VERSION
    return std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION % 1000 / 10);
#else
    return "runtime";
#endif
  }
};

}  // namespace

}  // namespace gaussitu::cuda

extern "C" __attribute__((visibility("default"))) gaussitu::DeviceLibrary* gaussitu_cuda(uint64_t wanted,
                                                                                         uint64_t* has) {
  *has = gaussitu::device_interface();
  static gaussitu::cuda::Library library;
  return wanted == *has ? &library : nullptr;
}
