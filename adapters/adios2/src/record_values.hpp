// Single values and attributes of any ADIOS2 type as named values of the step.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "stream.hpp"
#include "types.hpp"

namespace gaussitu::adios2_adapter {

/// `n` values; one alone becomes a number, several a list. Texts: one value each. Integers beyond 2^53, which
/// a double does not hold, become texts.
template <class T>
void record_values(Stream& stream, const std::string& name, const T* values, size_t n) {
  if constexpr (std::is_same_v<T, std::string>) {
    for (size_t i = 0; i < n; i++)
      stream.text(n == 1 ? name : name + "[" + std::to_string(i) + "]", values[i]);
  } else if constexpr (is_complex<T>) {
    std::vector<double> parts;
    for (size_t i = 0; i < n; i++)
      parts.insert(parts.end(), {double(values[i].real()), double(values[i].imag())});
    stream.numbers(name, parts);
  } else {
    if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
      if (n == 1 && std::abs(static_cast<long double>(values[0])) > 9007199254740992.0L) {
        stream.text(name, std::to_string(values[0]));
        return;
      }
    }
    if (n == 1) {
      stream.number(name, static_cast<double>(values[0]));
    } else {
      stream.numbers(name, std::vector<double>(values, values + n));
    }
  }
}

}  // namespace gaussitu::adios2_adapter
