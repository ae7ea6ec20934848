// Why a part of what the simulation gave is left out: a field, a mesh, a channel. Caught where the part ends,
// logged once, never leaves the library.
#pragma once
#include <stdexcept>
#include <string>

namespace gaussitu::catalyst {

class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void refuse(const std::string& why) {
  throw Refusal(why);
}

}  // namespace gaussitu::catalyst
