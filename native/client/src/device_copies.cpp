#include "device_copies.hpp"

#include <cstdint>

#include "status.hpp"

namespace gaussitu::client {

namespace {

constexpr unsigned kPortable = 1, kNonBlocking = 1, kNoTiming = 2;  // CU_MEMHOSTALLOC_, CU_STREAM_, CU_EVENT_

void check(const cuda::Driver& driver, int result, const char* what) {
  if (result != 0)
    throw Failure(GAUSSITU_E_INTERNAL,
                  std::string("device array: ") + what + " failed: " + cuda::message(driver, result));
}

cuda::Address address_of(const void* p) {
  return reinterpret_cast<uintptr_t>(p);
}

class Pinned : public Bytes {
 public:
  Pinned(std::shared_ptr<PinnedPool> pool, uint64_t size, std::shared_ptr<Budget> budget)
      : pool_(std::move(pool)), budget_(std::move(budget)) {
    size_ = size;
  }
  ~Pinned() override {
    if (data_ != nullptr) pool_->give(const_cast<void*>(data_), size_);
    if (budget_) budget_->give(size_);
  }
  void* pin() {
    void* block = pool_->take(size_);
    data_ = block;
    return block;
  }

 private:
  std::shared_ptr<PinnedPool> pool_;
  std::shared_ptr<Budget> budget_;
};

}  // namespace

PinnedPool::~PinnedPool() {
  drop_free();
}

void PinnedPool::drop_free() {
  for (const auto& [bytes, block] : free_) {
    driver_.host_free(block);
    pinned_ -= bytes;
  }
  free_.clear();
}

void* PinnedPool::take(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (const auto same = free_.find(bytes); same != free_.end()) {
    void* block = same->second;
    free_.erase(same);
    return block;
  }
  if (bytes > limit_ - std::min(limit_, pinned_)) drop_free();
  void* block = nullptr;
  if (const int result = driver_.host_alloc(&block, bytes, kPortable); result != 0)
    throw Failure(GAUSSITU_E_MEMORY,
                  "device array: expected " + std::to_string(bytes) +
                      " bytes of pinned memory, received: " + cuda::message(driver_, result));
  pinned_ += bytes;
  return block;
}

void PinnedPool::give(void* block, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  free_.emplace(bytes, block);
}

DeviceCopies::~DeviceCopies() {
  if (streams_.empty()) return;
  const cuda::Driver* driver = cuda::driver();
  for (const auto& [context, stream] : streams_) {
    const cuda::Current current(*driver, context);
    driver->stream_synchronise(stream);
    driver->stream_destroy(stream);
  }
}

const cuda::Driver& DeviceCopies::need(const void* address, cuda::Context& context) const {
  std::string why;
  const cuda::Driver* driver = cuda::driver(&why);
  if (driver == nullptr) invalid("device array: expected a CUDA driver in this process, received: " + why);
  context = cuda::context_of(*driver, address);
  if (context == nullptr)
    invalid(
        "device array: expected an address of CUDA's (cudaMalloc, cudaMallocManaged), received one that the "
        "driver "
        "does not know; gaussitu_put_field takes host memory");
  return *driver;
}

cuda::Stream DeviceCopies::stream(const cuda::Driver& driver, cuda::Context context, void* after) {
  cuda::Stream& own = streams_[context];
  if (own == nullptr) check(driver, driver.stream_create(&own, kNonBlocking), "making a stream");
  cuda::Event ready = nullptr;
  check(driver, driver.event_create(&ready, kNoTiming), "making an event");
  int result = driver.event_record(ready, static_cast<cuda::Stream>(after));
  if (result == 0) result = driver.stream_wait_event(own, ready, 0);
  driver.event_destroy(ready);  // goes when it has happened
  check(driver, result, "waiting for the simulation's stream");
  return own;
}

BytesPtr DeviceCopies::start(const void* address, uint64_t size, void* after,
                             std::shared_ptr<Budget> budget) {
  struct GiveBack {  // until a Pinned does
    std::shared_ptr<Budget> budget;
    uint64_t size;
    ~GiveBack() {
      if (budget) budget->give(size);
    }
  } held{std::move(budget), size};
  cuda::Context context = nullptr;
  const cuda::Driver& driver = need(address, context);
  const cuda::Current current(driver, context);
  if (!pool_) pool_ = std::make_shared<PinnedPool>(driver, limit_);
  const auto pinned = std::make_shared<Pinned>(pool_, size, held.budget);
  held.budget = nullptr;
  if (size == 0) return pinned;
  void* to = pinned->pin();
  const cuda::Stream own = stream(driver, context, after);
  under_way_ = true;
  check(driver, driver.copy_to_host_async(to, address_of(address), size, own), "copying to the host");
  return pinned;
}

std::vector<uint8_t> DeviceCopies::now(const void* address, uint64_t size, void* after) {
  cuda::Context context = nullptr;
  const cuda::Driver& driver = need(address, context);
  const cuda::Current current(driver, context);
  std::vector<uint8_t> out(size);
  const cuda::Stream own = stream(driver, context, after);
  check(driver, driver.stream_synchronise(own), "waiting for the simulation's stream");
  if (size > 0)
    check(driver, driver.copy_to_host(out.data(), address_of(address), size), "copying to the host");
  return out;
}

void DeviceCopies::wait() {
  if (!under_way_) return;
  under_way_ = false;
  const cuda::Driver& driver = *cuda::driver();
  int worst = 0;
  for (const auto& [context, stream] : streams_) {
    const cuda::Current current(driver, context);
    if (const int result = driver.stream_synchronise(stream); result != 0) worst = result;
  }
  check(driver, worst, "copying to the host");
}

}  // namespace gaussitu::client
