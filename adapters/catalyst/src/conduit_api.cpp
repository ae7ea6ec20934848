#include "conduit_api.hpp"

#include <dlfcn.h>
#include <link.h>

#include <string>
#include <vector>

namespace gaussitu::catalyst {
namespace {

/// Libraries that were loaded privately (RTLD_LOCAL: a Python module, a plugin) are not seen by RTLD_DEFAULT.
std::vector<void*> loaded_objects() {
  std::vector<std::string> names;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        if (info->dlpi_name && *info->dlpi_name)
          static_cast<std::vector<std::string>*>(out)->emplace_back(info->dlpi_name);
        return 0;
      },
      &names);
  std::vector<void*> handles;
  for (const auto& name : names)
    if (void* handle = dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD)) handles.push_back(handle);
  return handles;
}

bool fill(ConduitApi& api, void* handle, const char* prefix) {
  api = {};
  api.prefix = prefix;
  const std::string start = prefix;
#define X(member, result, arguments)                                                             \
  api.member = reinterpret_cast<decltype(api.member)>(dlsym(handle, (start + #member).c_str())); \
  if (!api.member) return false;
  GAUSSITU_CONDUIT_FUNCTIONS(X)
#undef X
  // Older ones do not tell; all builds that Catalyst makes itself have 64 bits.
  const auto size_of_index =
      reinterpret_cast<int (*)()>(dlsym(handle, (start + "datatype_sizeof_index_t").c_str()));
  return !size_of_index || size_of_index() == sizeof(int64_t);
}

bool find(ConduitApi& api) {
  // Catalyst's own first: a simulation may use another Conduit besides, whose nodes are not these.
  const char* const prefixes[] = {"catalyst_conduit_", "conduit_"};
  for (const char* prefix : prefixes)
    if (fill(api, RTLD_DEFAULT, prefix)) return true;
  const auto objects = loaded_objects();
  bool found = false;
  for (const char* prefix : prefixes)
    for (void* object : objects) found = found || fill(api, object, prefix);
  for (void* object : objects) dlclose(object);  // gives back our count only; the host still holds them
  return found;
}

}  // namespace

const ConduitApi* conduit() {
  static ConduitApi api;
  static const bool found = find(api);
  return found ? &api : nullptr;
}

void* host_symbol(const char* name) {
  if (void* symbol = dlsym(RTLD_DEFAULT, name)) return symbol;
  void* symbol = nullptr;
  for (void* object : loaded_objects()) {
    if (!symbol) symbol = dlsym(object, name);
    dlclose(object);
  }
  return symbol;
}

}  // namespace gaussitu::catalyst
