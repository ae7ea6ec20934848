// How the insides report failure: a status of gaussitu.h and a sentence. Caught at the C boundary, never
// crosses it.
#pragma once
#include <stdexcept>
#include <string>

#include "gaussitu.h"

namespace gaussitu::client {

class Failure : public std::runtime_error {
 public:
  Failure(int status, const std::string& message) : std::runtime_error(message), status(status) {}
  const int status;
};

[[noreturn]] inline void invalid(const std::string& message) {
  throw Failure(GAUSSITU_E_INVALID, message);
}

}  // namespace gaussitu::client
