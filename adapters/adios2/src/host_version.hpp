// Whether the ADIOS2 that loads this plugin is the one that it was built for.
#pragma once

namespace gaussitu::adios2_adapter {

/// Plugins share C++ classes with the library: another version would crash
/// later and in the dark. Throws std::runtime_error that says what was expected and
/// found. Looks at the libraries of the process only, so it may be called before anything of ADIOS2 is.
void check_host_version(int major, int minor);

}  // namespace gaussitu::adios2_adapter
