// From a covariance to the model's A and back.
#pragma once
#include <cstddef>

#include "model/model.hpp"

namespace gaussitu {

/// Sets A of Gaussian i so that A^T A is the inverse of the covariance c = {xx, xy, xz, yy, yz, zz}, which
/// must be positive definite.
void set_shape(Model& model, size_t i, const double c[6]);

}  // namespace gaussitu
