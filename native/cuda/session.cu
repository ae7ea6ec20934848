#include "base/error.hpp"
#include "session.hpp"

namespace gaussitu::cuda {

size_t session_bytes(const SampleSet& samples, Purpose purpose) {
  const size_t arrays = purpose == Purpose::training ? 12 : 5;  // x y z f cover; value weight e r fr h image
  return arrays * sizeof(float) * samples.x.size();
}

std::unique_ptr<Session> make_session(const Card& card, const SampleSet&, Purpose,
                                      std::unique_ptr<MemoryBudget::Reservation>) {
  throw Error(Code::unavailable,
              "Expected kernels for " + card.name() + " but received a build without them");
}

}  // namespace gaussitu::cuda
