// The loader's documented rules: which implementation, where it is searched, what it must have; and the stub
// functions, which write a dump of every call when CATALYST_DATA_DUMP_DIRECTORY is set.
#include "own_catalyst.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "own_dump.hpp"

namespace {

struct Implementation {
  int version;
  int (*initialize)(const conduit_node*);
  int (*execute)(const conduit_node*);
  int (*finalize)(const conduit_node*);
  int (*about)(conduit_node*);
  int (*results)(conduit_node*);
};

enum Status {
  ok,
  no_implementation,
  already_loaded,
  not_found,
  not_catalyst,
  incomplete,
  unsupported_version
};

const Implementation* loaded = nullptr;

std::string setting(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

std::string text_at(const conduit_node* node, const char* path) {
  auto* n = const_cast<conduit_node*>(node);
  return conduit_node_has_path(n, path)
             ? static_cast<const char*>(conduit_node_data_ptr(conduit_node_fetch_existing(n, path)))
             : "";
}

void* open_in(const std::string& folder, const std::string& name) {
  return folder.empty() ? nullptr
                        : dlopen((folder + "/libcatalyst-" + name + ".so").c_str(), RTLD_LAZY | RTLD_GLOBAL);
}

void* open_from_environment(const std::string& name) {
  std::istringstream paths(setting("CATALYST_IMPLEMENTATION_PATHS"));
  void* handle = nullptr;
  for (std::string folder; !handle && std::getline(paths, folder, ':');) handle = open_in(folder, name);
  return handle;
}

int load(const conduit_node* params) {
  const bool prefer = !setting("CATALYST_IMPLEMENTATION_PREFER_ENV").empty();
  const std::string in_node = text_at(params, "catalyst_load/implementation");
  const std::string in_environment = setting("CATALYST_IMPLEMENTATION_NAME");
  std::string name = prefer ? in_environment : in_node;
  if (name.empty()) name = prefer ? in_node : in_environment;
  if (name.empty()) return no_implementation;

  void* handle = prefer ? open_from_environment(name) : nullptr;
  auto* p = const_cast<conduit_node*>(params);
  if (!handle && conduit_node_has_path(p, "catalyst_load/search_paths")) {
    auto* list = conduit_node_fetch_existing(p, "catalyst_load/search_paths");
    for (int64_t i = 0; !handle && i < conduit_node_number_of_children(list); ++i)
      handle = open_in(static_cast<const char*>(conduit_node_data_ptr(conduit_node_child(list, i))), name);
  }
  if (!handle && !prefer) handle = open_from_environment(name);
  if (!handle) return not_found;
  const auto* found = static_cast<const Implementation*>(dlsym(handle, "catalyst_api_impl"));
  if (!found) return not_catalyst;
  if (found->version != 1) return unsupported_version;
  if (!found->initialize || !found->execute || !found->finalize || !found->about || !found->results)
    return incomplete;
  loaded = found;
  return ok;
}

void dump(const conduit_node* params, const std::string& stage) {
  const std::string folder = setting("CATALYST_DATA_DUMP_DIRECTORY");
  if (folder.empty()) return;
  mkdir(folder.c_str(), 0777);
  write_node(folder + "/" + stage + "_params.host_dump.1.0", params);
}

}  // namespace

extern "C" {

int catalyst_stub_initialize(const conduit_node* params) {
  dump(params, "initialize");
  return ok;
}
int catalyst_stub_execute(const conduit_node* params) {
  static int calls = 0;
  dump(params, "execute_invc" + std::to_string(calls++));
  return ok;
}
int catalyst_stub_finalize(const conduit_node* params) {
  dump(params, "finalize");
  return ok;
}
int catalyst_stub_about(conduit_node* params) {
  conduit_node_set_path_char8_str(params, "catalyst/implementation", "stub");
  conduit_node_set_path_char8_str(params, "catalyst/abi_version", "2");
  return ok;
}
int catalyst_stub_results(conduit_node*) {
  return ok;
}

int catalyst_initialize(const conduit_node* params) {
  if (!loaded)
    if (const int status = load(params)) return status;
  return loaded->initialize(params);
}
int catalyst_execute(const conduit_node* params) {
  return loaded ? loaded->execute(params) : no_implementation;
}
int catalyst_finalize(const conduit_node* params) {
  return loaded ? loaded->finalize(params) : no_implementation;
}
int catalyst_about(conduit_node* params) {
  return loaded ? loaded->about(params) : no_implementation;
}
int catalyst_results(conduit_node* params) {
  return loaded ? loaded->results(params) : no_implementation;
}

}  // extern "C"
