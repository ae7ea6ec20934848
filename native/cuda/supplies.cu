#include "supplies.hpp"

namespace gaussitu::cuda {

Supplies::Supplies(int device, bool keep) : keep_(keep) {
  int supported = 0;
  check(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, device),
        "asking for memory pools");
  if (!supported) return;
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  check(cudaMemPoolCreate(&pool_, &properties), "making a pool of device memory");
  uint64_t all = UINT64_MAX;  // what is held is bounded by the reservations of sessions
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all), "setting up device memory");
}

Supplies::~Supplies() {
  idle_.clear();
  if (pool_ != nullptr) cudaMemPoolDestroy(pool_);
}

Supplies::Lease Supplies::stream() {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Stream> taken;
  if (idle_.empty()) {
    taken = std::make_unique<Stream>();
  } else {
    taken = std::move(idle_.back());
    idle_.pop_back();
  }
  out_++;
  return Lease(taken.release(), GiveBack{this});
}

void Supplies::give_back(Stream* stream) {
  std::unique_ptr<Stream> back(stream);
  const bool sound = cudaStreamSynchronize(*back) == cudaSuccess;  // after a failure it goes
  const std::lock_guard lock(mutex_);
  if (sound) idle_.push_back(std::move(back));
  if (--out_ == 0 && !keep_ && pool_ != nullptr) cudaMemPoolTrimTo(pool_, 0);
}

}  // namespace gaussitu::cuda
