// A session (native/core/device/device.hpp) on a card: one stream, its buffers, its pinned staging.
#pragma once
#include <memory>

#include "card.hpp"

namespace gaussitu::cuda {

/// Bytes of the card that a session takes for its samples and everything of their size.
size_t session_bytes(const SampleSet& samples, Purpose purpose);

/// Holds `memory` as long as it lives. What depends on the model's size (lists) and does not fit into it
/// throws Error(no_memory), and the block is encoded on the CPU.
std::unique_ptr<Session> make_session(Card& card, const SampleSet& samples, Purpose purpose,
                                      std::unique_ptr<MemoryBudget::Reservation> memory);

}  // namespace gaussitu::cuda
