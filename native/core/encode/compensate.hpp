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

/// Like to_integers(), `sweeps` times over all Gaussians. Deterministic.
QuantisedModel quantise_compensating(const Model& model, Session& session, const QuantSteps& steps,
                                     int sweeps, const Control& control);

}  // namespace gaussitu
