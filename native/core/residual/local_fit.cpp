#include "residual/local_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace gaussitu {

namespace {

constexpr double kDamping = 1e-2;
constexpr size_t kMostNeighbours = 16;

using Row = std::array<double, 4>;
using Matrix = std::array<Row, 4>;

/// Column k of the inverse of a positive definite matrix, by elimination.
Row inverse_column(Matrix m, size_t k) {
  Row s{};
  s[k] = 1;
  for (size_t a = 0; a < 4; a++)
    for (size_t b = a + 1; b < 4; b++) {
      const double r = m[b][a] / m[a][a];
      for (size_t c = a; c < 4; c++) m[b][c] -= r * m[a][c];
      s[b] -= r * s[a];
    }
  for (size_t a = 4; a-- > 0;) {
    for (size_t c = a + 1; c < 4; c++) s[a] -= m[a][c] * s[c];
    s[a] /= m[a][a];
  }
  return s;
}

}  // namespace

void fit_locally(std::span<const double> xyz, uint32_t point, std::span<const uint32_t> near,
                 const float* weights, const LocalFit& out) {
  const size_t count = std::min(near.size(), kMostNeighbours);
  std::array<Row, kMostNeighbours> rows;
  std::array<double, 3> squares{};
  for (size_t j = 0; j < count; j++) {
    rows[j][0] = 1;
    for (size_t k = 0; k < 3; k++) {
      rows[j][k + 1] = xyz[3 * size_t{near[j]} + k] - xyz[3 * size_t{point} + k];
      squares[k] += rows[j][k + 1] * rows[j][k + 1];
    }
  }
  const double most = std::max({squares[0], squares[1], squares[2]});
  for (size_t k = 0; k < 3; k++) {
    const double scale =
        squares[k] > 1e-16 * most ? 1 / std::sqrt(squares[k] / static_cast<double>(count)) : 0;
    for (size_t j = 0; j < count; j++) rows[j][k + 1] *= scale;
  }
  Matrix m{};
  for (size_t j = 0; j < count; j++)
    for (size_t a = 0; a < 4; a++)
      for (size_t b = 0; b < 4; b++) m[a][b] += weights[j] * rows[j][a] * rows[j][b];
  for (size_t a = 1; a < 4; a++) m[a][a] += kDamping;

  for (size_t k = 0; k < 4; k++) {
    const Row s = inverse_column(m, k);
    std::array<double, kMostNeighbours> w;
    double sum = 0;
    for (size_t j = 0; j < count; j++) {
      w[j] = 0;
      for (size_t a = 0; a < 4; a++) w[j] += s[a] * rows[j][a];
      w[j] *= weights[j];
      sum += w[j];
    }
    float* to = k == 0 ? out.value : out.slope[k - 1];
    for (size_t j = 0; j < count; j++)
      to[j] = static_cast<float>(k == 0 ? w[j] / sum : w[j] - sum * weights[j]);
  }
}

}  // namespace gaussitu
