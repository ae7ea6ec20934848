// Memory of long arrays, mapped from the system. What is given back is kept for the next who asks for as
// much: steps of a run ask for the same again and again, and mapping a page, fetching and unmapping it costs
// more than writing it.
#pragma once
#include <cstddef>

namespace gaussitu {

inline constexpr size_t kLargePage = size_t{1} << 21;

/// Uninitialised; from kLargePage bytes on in large pages. Throws std::bad_alloc.
void* take_long_block(size_t bytes);
/// `bytes` as it was asked for.
void give_long_block(void* memory, size_t bytes) noexcept;

}  // namespace gaussitu
