#include "residual/features.hpp"

namespace gaussitu {

namespace {

using Offset = std::array<int64_t, 3>;

Offset along(int axis, int64_t by, Offset from = {0, 0, 0}) {
  from[size_t(axis)] += by;
  return from;
}

}  // namespace

std::vector<Feature> pass_features(const GridShape& shape, const GridPass& pass,
                                   const std::vector<bool>& same) {
  const int64_t h = pass.half;
  const int d = pass.axis;
  std::vector<int> sides;
  for (int k = 0; k < 3; k++)
    if (k != d && shape.dims[size_t(k)] > pass.known[size_t(k)]) sides.push_back(k);

  std::vector<Feature> features;
  auto add = [&](int array, const std::vector<Offset>& offsets, int minus) {
    Feature f;
    f.minus = minus;
    for (const Offset& o : offsets) f.taps.push_back({array, o});
    features.push_back(std::move(f));
  };
  // The pair at +-reach along the axis, moved by -+t along each of `across`.
  auto diagonals = [&](int64_t reach, const std::vector<int>& across) {
    std::vector<Offset> out{along(d, -reach), along(d, reach)};
    for (int k : across) {
      std::vector<Offset> next;
      for (const Offset& o : out)
        for (int64_t sign : {-1, 1}) next.push_back(along(k, sign * pass.known[size_t(k)], o));
      out = std::move(next);
    }
    return out;
  };

  add(0, diagonals(3 * h, {}), 0);
  for (int k : sides) add(0, diagonals(h, {k}), 0);
  for (int k : sides) add(0, diagonals(3 * h, {k}), 0);
  if (sides.size() == 2) add(0, diagonals(h, sides), 0);

  for (int r = 1; r <= int(same.size()); r++) {
    add(r, {{0, 0, 0}}, r);
    if (same[size_t(r - 1)]) add(r, diagonals(h, {}), 0);
    add(r, diagonals(3 * h, {}), r);
    for (int k : sides) add(r, diagonals(h, {k}), r);
    for (int k = 0; k < 3; k++)
      if (k != d && shape.dims[size_t(k)] > h) add(r, {along(k, -h), along(k, h)}, r);
  }
  return features;
}

}  // namespace gaussitu
