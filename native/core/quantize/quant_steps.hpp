#pragma once

namespace gaussitu {

/// Quantiser steps: chosen by the encoder, stored in the payload as bfloat16 (the upper half of an f32).
struct QuantSteps {
  float position = 0;  // of a centre, in widths of its own Gaussian (1 / |column of A|)
  float scale = 0;     // of the diagonal of A, in octaves
  float skew = 0;      // of the off-diagonal of A relative to the diagonal element of its column
  float value = 0;     // of the scaled value
};

}  // namespace gaussitu
