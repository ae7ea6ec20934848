#include "train/shape.hpp"

#include <cmath>

namespace gaussitu {

void set_shape(Model& m, size_t i, const double c[6]) {
  // C = U U^T with U upper triangular, from the last axis up; then A = U^-1 is upper triangular too.
  const double u22 = std::sqrt(c[5]), u12 = c[4] / u22, u02 = c[2] / u22;
  const double u11 = std::sqrt(c[3] - u12 * u12), u01 = (c[1] - u02 * u12) / u11;
  const double u00 = std::sqrt(c[0] - u01 * u01 - u02 * u02);
  m.a[0][i] = static_cast<float>(1 / u00);
  m.a[1][i] = static_cast<float>(-u01 / (u00 * u11));
  m.a[2][i] = static_cast<float>((u01 * u12 - u02 * u11) / (u00 * u11 * u22));
  m.a[3][i] = static_cast<float>(1 / u11);
  m.a[4][i] = static_cast<float>(-u12 / (u11 * u22));
  m.a[5][i] = static_cast<float>(1 / u22);
}

}  // namespace gaussitu
