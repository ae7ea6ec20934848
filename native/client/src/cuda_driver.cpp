#include "cuda_driver.hpp"

#include <dlfcn.h>

namespace gaussitu::client::cuda {

namespace {

constexpr int kContextAttribute = 1, kMemoryType = 2;  // CU_POINTER_ATTRIBUTE_CONTEXT, _MEMORY_TYPE
constexpr unsigned kDevice = 2;                        // CU_MEMORYTYPE_DEVICE; managed memory says so as well

struct Loaded {
  Driver driver{};
  std::string problem;
};

template <class Function>
void find(void* library, const char* name, Function& out, std::string& problem) {
  out = reinterpret_cast<Function>(dlsym(library, name));
  if (out == nullptr && problem.empty()) problem = std::string("libcuda.so.1 without ") + name;
}

Loaded load(int flags) {
  Loaded l;
  void* library = dlopen("libcuda.so.1", RTLD_LAZY | flags);  // kept: its functions are
  if (library == nullptr) {
    const char* why = dlerror();
    l.problem = why != nullptr ? why : "libcuda.so.1 is not loaded";
    return l;
  }
  Driver& d = l.driver;
  find(library, "cuPointerGetAttribute", d.pointer_attribute, l.problem);
  find(library, "cuCtxPushCurrent_v2", d.push_context, l.problem);
  find(library, "cuCtxPopCurrent_v2", d.pop_context, l.problem);
  find(library, "cuStreamCreate", d.stream_create, l.problem);
  find(library, "cuStreamDestroy_v2", d.stream_destroy, l.problem);
  find(library, "cuStreamSynchronize", d.stream_synchronise, l.problem);
  find(library, "cuStreamWaitEvent", d.stream_wait_event, l.problem);
  find(library, "cuEventCreate", d.event_create, l.problem);
  find(library, "cuEventRecord", d.event_record, l.problem);
  find(library, "cuEventDestroy_v2", d.event_destroy, l.problem);
  find(library, "cuMemHostAlloc", d.host_alloc, l.problem);
  find(library, "cuMemFreeHost", d.host_free, l.problem);
  find(library, "cuMemcpyDtoH_v2", d.copy_to_host, l.problem);
  find(library, "cuMemcpyDtoHAsync_v2", d.copy_to_host_async, l.problem);
  find(library, "cuGetErrorString", d.error_string, l.problem);
  return l;
}

/// A driver that the simulation has loaded; without one no pointer of this process is CUDA's.
const Driver* loaded_by_simulation() {
  if (void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD)) {
    dlclose(library);  // the simulation holds it
    return driver();
  }
  return nullptr;
}

}  // namespace

const Driver* driver(std::string* why) {
  static const Loaded once = load(0);
  if (why != nullptr) *why = once.problem;
  return once.problem.empty() ? &once.driver : nullptr;
}

std::string message(const Driver& driver, int result) {
  const char* text = nullptr;
  if (driver.error_string(result, &text) == 0 && text != nullptr) return text;
  return "CUDA error " + std::to_string(result);
}

bool on_device(const void* address) {
  const Driver* d = loaded_by_simulation();
  unsigned type = 0;
  return d != nullptr &&
         d->pointer_attribute(&type, kMemoryType, reinterpret_cast<uintptr_t>(address)) == 0 &&
         type == kDevice;
}

Context context_of(const Driver& driver, const void* address) {
  Context context = nullptr;
  if (driver.pointer_attribute(&context, kContextAttribute, reinterpret_cast<uintptr_t>(address)) != 0)
    return nullptr;
  return context;
}

bool copy_from_device(void* to, const void* from, size_t bytes) {
  const Driver* d = loaded_by_simulation();
  if (d == nullptr) return false;
  const Current current(*d, context_of(*d, from));
  return d->copy_to_host(to, reinterpret_cast<uintptr_t>(from), bytes) == 0;
}

}  // namespace gaussitu::client::cuda
