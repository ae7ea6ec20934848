#include "operation.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <stdexcept>

namespace gaussitu::adios2_adapter {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

void bad(const std::string& key, const std::string& expected, const std::string& received) {
  throw std::invalid_argument("gaussitu: parameter " + key + ": expected " + expected + ", received \"" +
                              received + "\"");
}

double number(const std::string& key, const std::string& text, bool zero) {
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size() || !std::isfinite(value) || value < 0 || (value == 0 && !zero))
    bad(key, zero ? "a number of at least 0" : "a number above 0", text);
  return value;
}

gaussitu_target operation_target(const std::string& type, const Parameters& parameters,
                                 size_t element_bytes) {
  gaussitu_target target{nullptr, GAUSSITU_TARGET_NONE, 0};
  bool relative = false;
  for (const auto& [key, value] : parameters) {
    const std::string name = lower(key);
    const std::string of = "of operation " + type + ", " + key;
    if (name == "mode" || name == "errorboundmode")
      relative = lower(value) == "rel" || lower(value) == "relative";
    if (name == "accuracy" || name == "tolerance" || name == "abs" || name == "abserrorbound") {
      target.kind = GAUSSITU_TARGET_ABS;
      target.value = number(of, value);
    } else if (name == "rel" || name == "relative" || name == "relboundratio" || name == "relerrorbound") {
      target.kind = GAUSSITU_TARGET_REL;
      target.value = number(of, value);
    } else if (name == "rate") {
      target.kind = GAUSSITU_TARGET_RATIO;  // bits per value
      target.value = 8.0 * static_cast<double>(element_bytes) / number(of, value, false);
    }
  }
  if (relative && target.kind == GAUSSITU_TARGET_ABS) target.kind = GAUSSITU_TARGET_REL;
  return target;
}

}  // namespace gaussitu::adios2_adapter
