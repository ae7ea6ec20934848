#include "fake_cuda.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

namespace {

struct Array {
  std::vector<char> content;
};
std::map<uintptr_t, Array> arrays;  // by device address
std::map<std::string, int> failures;
std::vector<std::string> log;
struct Copy {
  void* to;
  uintptr_t from;
  size_t bytes;
};
std::map<void*, std::vector<Copy>> queued;  // by stream
int depth = 0;                              // of contexts
int context_object, stream_object, event_object;

int called(const char* function) {
  log.emplace_back(function);
  const auto found = failures.find(function);
  return found == failures.end() ? 0 : found->second;
}

const Array* array_at(uintptr_t address) {
  auto after = arrays.upper_bound(address);
  if (after == arrays.begin()) return nullptr;
  --after;
  return address < after->first + after->second.content.size() ? &after->second : nullptr;
}

int copy(void* to, uintptr_t from, size_t bytes) {
  auto at = arrays.upper_bound(from);
  if (at == arrays.begin()) return 1;
  --at;
  if (from + bytes > at->first + at->second.content.size()) return 1;
  std::memcpy(to, at->second.content.data() + (from - at->first), bytes);
  return 0;
}

void* alloc(const void* content, size_t bytes) {
  void* address = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto* c = static_cast<const char*>(content);
  arrays[reinterpret_cast<uintptr_t>(address)].content.assign(c, c + bytes);
  return address;
}
void fail(const char* function, int result) {
  if (result == 0)
    failures.erase(function);
  else
    failures[function] = result;
}
const std::vector<std::string>& calls() {
  return log;
}
void clear() {
  log.clear();
}

constexpr int kNoContext = 201;
const FakeCuda kControl{alloc, fail, calls, clear};

}  // namespace

extern "C" {
const FakeCuda* fake_cuda() {
  return &kControl;
}
int cuPointerGetAttribute(void* out, int attribute, unsigned long long address) {
  if (array_at(address) == nullptr) return 1;
  if (const int result = called("cuPointerGetAttribute")) return result;
  if (attribute == 1) *static_cast<void**>(out) = &context_object;
  if (attribute == 2) *static_cast<unsigned*>(out) = 2;
  return 0;
}
int cuCtxPushCurrent_v2(void* context) {
  depth += context == &context_object;
  return called("cuCtxPushCurrent");
}
int cuCtxPopCurrent_v2(void**) {
  depth--;
  return called("cuCtxPopCurrent");
}
int cuStreamCreate(void** stream, unsigned) {
  *stream = &stream_object;
  return depth > 0 ? called("cuStreamCreate") : kNoContext;
}
int cuStreamDestroy_v2(void*) {
  return called("cuStreamDestroy");
}
int cuStreamSynchronize(void* stream) {
  if (depth <= 0) return kNoContext;
  for (const Copy& c : queued[stream]) copy(c.to, c.from, c.bytes);
  queued[stream].clear();
  return called("cuStreamSynchronize");
}
int cuStreamWaitEvent(void*, void*, unsigned) {
  return called("cuStreamWaitEvent");
}
int cuEventCreate(void** event, unsigned) {
  *event = &event_object;
  return depth > 0 ? called("cuEventCreate") : kNoContext;
}
int cuEventRecord(void*, void*) {
  return called("cuEventRecord");
}
int cuEventDestroy_v2(void*) {
  return called("cuEventDestroy");
}
int cuMemHostAlloc(void** out, size_t bytes, unsigned) {
  if (depth <= 0) return kNoContext;
  if (const int result = called("cuMemHostAlloc")) return result;
  *out = std::malloc(bytes);
  std::memset(*out, 0xff, bytes);
  return 0;
}
int cuMemFreeHost(void* p) {
  std::free(p);
  return called("cuMemFreeHost");
}
int cuMemcpyDtoH_v2(void* to, unsigned long long from, size_t bytes) {
  if (depth <= 0) return kNoContext;
  if (const int result = called("cuMemcpyDtoH")) return result;
  return copy(to, from, bytes);
}
int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, size_t bytes, void* stream) {
  if (depth <= 0) return kNoContext;
  if (const int result = called("cuMemcpyDtoHAsync")) return result;
  queued[stream].push_back({to, from, bytes});
  return 0;
}
int cuGetErrorString(int result, const char** text) {
  *text = result == 2     ? "out of memory"
          : result == 700 ? "an illegal memory access was encountered"
                          : "failed";
  return 0;
}
}
