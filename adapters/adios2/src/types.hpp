// Number types of ADIOS2 as those of the client. long double has no place in an archive and is refused.
#pragma once
#include <complex>
#include <cstdint>
#include <type_traits>

#include "gaussitu.h"

namespace gaussitu::adios2_adapter {

template <class T>
struct Taken : std::false_type {};
#define GAUSSITU_TAKEN(type, name, parts)                    \
  template <>                                                \
  struct Taken<type> : std::true_type {                      \
    static constexpr gaussitu_dtype dtype = GAUSSITU_##name; \
    static constexpr int components = parts;                 \
  };
GAUSSITU_TAKEN(char, I8, 1)
GAUSSITU_TAKEN(int8_t, I8, 1)
GAUSSITU_TAKEN(uint8_t, U8, 1)
GAUSSITU_TAKEN(int16_t, I16, 1)
GAUSSITU_TAKEN(uint16_t, U16, 1)
GAUSSITU_TAKEN(int32_t, I32, 1)
GAUSSITU_TAKEN(uint32_t, U32, 1)
GAUSSITU_TAKEN(int64_t, I64, 1)
GAUSSITU_TAKEN(uint64_t, U64, 1)
GAUSSITU_TAKEN(float, F32, 1)
GAUSSITU_TAKEN(double, F64, 1)
GAUSSITU_TAKEN(std::complex<float>, F32, 2)
GAUSSITU_TAKEN(std::complex<double>, F64, 2)
#undef GAUSSITU_TAKEN

template <class T>
inline constexpr bool is_complex = false;
template <class T>
inline constexpr bool is_complex<std::complex<T>> = true;

}  // namespace gaussitu::adios2_adapter
