// What a user's <operation> asks of a variable; and the texts and numbers of ADIOS2 parameters.
#pragma once
#include <cstddef>
#include <map>
#include <string>

#include "gaussitu.h"

namespace gaussitu::adios2_adapter {

using Parameters = std::map<std::string, std::string>;

std::string lower(std::string text);
[[noreturn]] void bad(const std::string& key, const std::string& expected, const std::string& received);
/// A number of at least 0, or above it, or std::invalid_argument.
double number(const std::string& key, const std::string& text, bool zero = true);

/// The bound or size that an <operation> of the user asks of a variable: accuracy (absolute; relative with
/// mode REL), tolerance of MGARD likewise, rate of zfp (bits per value). NONE when it asks nothing of the
/// kind. `element_bytes`: of one value.
gaussitu_target operation_target(const std::string& type, const Parameters& parameters, size_t element_bytes);

}  // namespace gaussitu::adios2_adapter
