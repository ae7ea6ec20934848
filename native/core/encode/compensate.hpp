// Quantisation that makes good what it breaks.
//
// Rounding every parameter to its nearest step ignores that parameters stand in for each other: a Gaussian
// that came out too wide can be moved or valued differently, and a neighbour can take up the rest. Here a
// part of the Gaussians is quantised at a time, each parameter after the other, and after every rounding
// the not yet rounded parameters of the same Gaussian move to their new optimum (the linearised
// least-squares problem of docs/model.md; the idea is Babai's nearest plane). The next part then sees the
// error that is left in the field. On turbulence it halves what quantisation costs.
#pragma once
#include "device/device.hpp"
#include "quantize/quantised_model.hpp"

namespace gaussitu {

/// The model of the step before, and what a bit of a change to it has to bring.
struct ChangeRate {
  const QuantisedModel* base = nullptr;  // none: every number is rounded to the nearest
  double price = 0;                      // of a bit: half the summed squared error, scaled values
};

/// Like to_integers(), `sweeps` times over all Gaussians. Deterministic. With a base its lattice is used, and
/// where a Gaussian has an origin each number is the one of the least sum of squared error and priced bits.
QuantisedModel quantise_compensating(const Model& model, Session& session, const QuantSteps& steps,
                                     int sweeps, const ChangeRate& rate, const Control& control);

}  // namespace gaussitu
