// Predictions, codes and learning sums of a structured block within a bound (native/core/residual/
// grid_session.hpp), on a card.
#pragma once
#include <memory>

#include "device/memory_budget.hpp"
#include "residual/grid_session.hpp"
#include "supplies.hpp"

namespace gaussitu::cuda {

/// Bytes of the card that coding the block takes.
template <class T>
size_t grid_bytes(const GridBlock<T>& block);

/// On the card of the calling thread; holds `memory` as long as it lives. Throws Error(no_memory,
/// unavailable).
template <class T>
std::unique_ptr<GridSession<T>> make_grid_session(const GridBlock<T>& block, Supplies& supplies,
                                                  std::unique_ptr<MemoryBudget::Reservation> memory);

}  // namespace gaussitu::cuda
