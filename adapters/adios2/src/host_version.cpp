#include "host_version.hpp"

#include <link.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace gaussitu::adios2_adapter {
namespace {

/// Files of the process that are an ADIOS2 core library: libadios2_core.so.2.11,
/// libadios2_serial_core.so.2.10 …
int collect(dl_phdr_info* info, size_t, void* out) {
  const std::string path = info->dlpi_name ? info->dlpi_name : "";
  const std::string file = path.substr(path.find_last_of('/') + 1);
  const size_t core = file.find("_core.so");
  if (file.rfind("libadios2", 0) == 0 && core != std::string::npos)
    static_cast<std::vector<std::string>*>(out)->push_back(file);
  return 0;
}

}  // namespace

void check_host_version(int major, int minor) {
  std::vector<std::string> libraries;
  dl_iterate_phdr(collect, &libraries);
  for (const std::string& file : libraries) {
    int found[2] = {0, 0};
    const char* suffix = std::strstr(file.c_str(), ".so.");
    if (!suffix || std::sscanf(suffix, ".so.%d.%d", &found[0], &found[1]) != 2) continue;
    if (found[0] != major || found[1] != minor)
      throw std::runtime_error("gaussitu: this plugin was built for ADIOS2 " + std::to_string(major) + "." +
                               std::to_string(minor) + ", the program uses " + file +
                               ": build adapters/adios2 against that version");
  }
}

}  // namespace gaussitu::adios2_adapter
