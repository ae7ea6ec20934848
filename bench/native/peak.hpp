// The most fused multiply-adds one thread can do: independent chains in registers, no memory.
#pragma once
#include <cstdint>

#define GAUSSITU_DECLARE(isa)                                                                       \
  namespace isa {                                                                                   \
  /* Does 12 * 16 * rounds of them; the return value only keeps the compiler from removing them. */ \
  float multiply_add(uint64_t rounds);                                                              \
  }
namespace gaussitu {
GAUSSITU_DECLARE(scalar)
GAUSSITU_DECLARE(avx2)
GAUSSITU_DECLARE(avx512)
}  // namespace gaussitu
#undef GAUSSITU_DECLARE
