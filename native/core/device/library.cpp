#include "device/library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"

namespace gaussitu {

namespace {

std::string shown(uint64_t interface) {
  char text[32];
  std::snprintf(text, sizeof text, "%u (layout %08x)", static_cast<unsigned>(interface >> 32),
                static_cast<unsigned>(interface & 0xffffffffu));
  return text;
}

[[noreturn]] void unavailable(const std::string& expected, const std::string& received,
                              const std::string& hint) {
  throw Error(Code::unavailable, "Expected " + expected + " but received " + received + "; " + hint);
}

}  // namespace

std::string device_library_path() {
  if (const char* asked = std::getenv("GAUSSITU_CUDA_LIBRARY")) return asked;
  Dl_info self{};
  const bool known = dladdr(reinterpret_cast<const void*>(&device_library_path), &self) != 0;
  const std::filesystem::path here = known && self.dli_fname != nullptr ? self.dli_fname : "";
  return (here.parent_path() / "libgaussitu_cuda.so").string();
}

DeviceLibrary& load_device_library(const std::string& path) {
  const std::string hint = "\"make cuda\" builds it where nvcc is found";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) unavailable("the CUDA library " + path, "no such file", hint);
  // Never closed: the driver's threads and our sessions live in it.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    unavailable("the CUDA library " + path + " to load", why != nullptr ? why : "an unknown error", hint);
  }
  const auto entry = reinterpret_cast<DeviceLibraryEntry>(dlsym(library, kDeviceLibraryEntry));
  if (entry == nullptr)
    unavailable("the CUDA library " + path + " to have the symbol " + kDeviceLibraryEntry, "none", hint);
  uint64_t has = 0;
  DeviceLibrary* found = entry(device_interface(), &has);
  if (found == nullptr)
    unavailable("interface " + shown(device_interface()) + " of the CUDA library " + path,
                "interface " + shown(has), "build both from the same sources (make native cuda)");
  return *found;
}

}  // namespace gaussitu
