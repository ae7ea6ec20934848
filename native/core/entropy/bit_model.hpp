// An adaptive probability of one binary decision.
//
// The estimate is a running mean that starts as the Krichevsky-Trofimov estimator and slows down to a window
// of about 250 decisions: parameters of a model are few and stationary, so learning fast and forgetting
// slowly is worth more than tracking. Integers only: every machine computes the same probabilities.
#pragma once
#include <cstdint>

namespace gaussitu {

struct BitModel {
  static constexpr uint32_t kOne = 1u << 16;
  static constexpr uint32_t kFloor = 48;  // never certain: a wrong guess costs at most 10.4 bits
  static constexpr uint32_t kWindow = 250;

  uint32_t p = kOne / 2;  // probability of a 0, in 1/65536
  uint32_t seen = 0;      // decisions the estimate rests on, at most kWindow

  void update(int bit) {
    const int64_t target = bit ? 0 : kOne;
    // p += (target - p) / (seen + 1.5), rounded towards minus infinity.
    p = static_cast<uint32_t>(p + (((target - p) * (2 * kOne / (2 * seen + 3))) >> 16));
    if (p < kFloor) p = kFloor;
    if (p > kOne - kFloor) p = kOne - kFloor;
    if (seen < kWindow) ++seen;
  }
};

}  // namespace gaussitu
