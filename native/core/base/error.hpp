// The one exception of the core. Boundaries (addon, C client) turn it into their own form; it never crosses
// C.
#pragma once
#include <stdexcept>
#include <string>

namespace gaussitu {

enum class Code {
  invalid_argument,  // the caller passed something that makes no sense; the message says what was expected
  corrupt_stream,    // outside bytes that do not parse
  unsupported,       // well-formed, but a version or feature this build does not have
  cancelled,         // the caller asked to stop
  unavailable,       // a device that is not there or has failed
  no_memory,         // a device has too little memory for this block; the CPU may have enough
};

class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code(code) {}
  const Code code;
};

}  // namespace gaussitu
