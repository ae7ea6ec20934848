#include "sample/sample_set.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "sample/array_reader.hpp"
#include "sample/cell_points.hpp"
#include "sample/mesh_points.hpp"
#include "sample/places.hpp"
#include "sample/tiling.hpp"

namespace gaussitu {
namespace {

using World = std::array<std::vector<double>, 3>;

// Scale at which the mean distance between samples is 1. Axes thinner than that distance do not count.
Domain isotropic_domain(const World& world) {
  Domain d;
  const size_t n = world[0].size();
  if (n == 0) return d;
  std::array<double, 3> size;
  for (int k = 0; k < 3; k++) {
    const auto [lo, hi] = std::minmax_element(world[k].begin(), world[k].end());
    d.origin[k] = *lo;
    size[k] = *hi - *lo;
    if (!std::isfinite(size[k]))
      throw Error(Code::invalid_argument, "Expected coordinates whose differences are finite in f64");
  }
  auto sorted = size;
  std::sort(sorted.rbegin(), sorted.rend());
  double scale = 1;
  for (int axes = 3; axes > 0; axes--) {
    double spacing = 1;  // geometric mean first, so that no product overflows
    for (int k = 0; k < axes; k++) spacing *= std::pow(sorted[k], 1.0 / axes);
    spacing /= std::pow(static_cast<double>(n), 1.0 / axes);
    if (spacing > 0 && std::isfinite(1 / spacing) && (axes == 1 || sorted[axes - 1] >= spacing)) {
      scale = 1 / spacing;
      break;
    }
  }
  for (int k = 0; k < 3; k++) {
    d.scale[k] = scale;
    d.extent[k] = size[k] * scale;
  }
  return d;
}

void place_scattered(World world, SampleSet& out) {
  std::array<std::vector<float>, 3> points;
  for (int k = 0; k < 3; k++) {
    points[k].resize(world[k].size());
    for (size_t i = 0; i < world[k].size(); i++) points[k][i] = to_model(out.domain, k, world[k][i]);
    std::vector<double>().swap(world[k]);  // blocks are large: nothing is kept longer than it is needed
  }
  tile_scattered(points, out);
}

void place(const MeshView& mesh, Association association, const MeshShape& shape, SampleSet& out) {
  out.total = shape.total();
  if (out.total == 0) return;
  std::array<double, 3> at;
  if (mesh.kind == MeshKind::uniform &&
      on_whole_coordinates(mesh, shape, first_value(mesh, association, shape), out.domain, at))
    tile_columns(shape.inner, at, out);
  else
    place_scattered(world_points(mesh, association, shape), out);
}

Domain domain_of(const MeshView& mesh, Association association, const MeshShape& shape) {
  if (shape.total() == 0) return {};
  if (mesh.kind != MeshKind::uniform) return isotropic_domain(world_points(mesh, association, shape));
  Domain d;
  d.origin = first_value(mesh, association, shape);
  for (int k = 0; k < 3; k++) {
    d.scale[k] = mesh.spacing[k] != 0 ? 1 / mesh.spacing[k] : 1;
    if (!std::isfinite(d.scale[k])) d.scale[k] = 1;
    d.extent[k] = static_cast<double>(shape.inner[k] - 1);
  }
  return d;
}

// Points inside cells for each value of the field, and values for each point outside.
constexpr size_t kInside = 1, kOutsideShare = 4;

struct Range {
  double lo = 0, hi = 0;
  bool any = false;
  void add(double low, double high) {
    lo = any ? std::min(lo, low) : low;
    hi = any ? std::max(hi, high) : high;
    any = true;
  }
};

// The field's values without ghosts, and the range of the finite ones.
Array<double> read(const ArrayView& values, const MeshShape& shape, Range& range) {
  Array<double> inner(shape.total());
  const auto [nx, ny, nz] = shape.inner;
  std::vector<Range> rows(ny * nz);
  parallel_for(rows.size(), [&, nx = nx, ny = ny](size_t row) {
    for (size_t i = 0; i < nx; i++) {
      const double v = inner[row * nx + i] = element(values, shape.source(i, row % ny, row / ny));
      if (std::isfinite(v)) rows[row].add(v, v);
    }
  });
  for (const Range& r : rows)
    if (r.any) range.add(r.lo, r.hi);
  return inner;
}

// Values of the samples from their place in the array; those after it are values `inside` cells, then points
// outside.
void fill_values(const ArrayView& values, const MeshShape& shape, SampleSet& out,
                 const std::vector<double>& inside = {}) {
  Range range;
  const Array<double> inner = read(values, shape, range);
  const double lo = range.lo;
  out.value_min = lo;
  out.value_range = range.hi - lo;
  if (!std::isfinite(out.value_range))
    throw Error(Code::invalid_argument, "Expected values whose range is finite in f64 but received " +
                                            std::to_string(lo) + " to " + std::to_string(range.hi) +
                                            "; scale the field");
  const auto scaled = [&](double v) {
    return out.value_range > 0 ? static_cast<float>((v - lo) / out.value_range) : 0.0f;
  };
  struct Part {
    double sum = 0;
    size_t finite = 0, measured = 0;
  };
  std::vector<Part> parts(out.tiles.size());
  parallel_for(out.tiles.size(), [&](size_t t) {
    Part& part = parts[t];
    for (size_t s = out.tiles[t].begin; s < out.tiles[t].begin + out.tiles[t].count; s++) {
      if (out.source[s] == kNoSource) continue;
      if (out.source[s] >= out.total) {
        const size_t more = out.source[s] - out.total;
        out.source[s] = kNoSource;
        out.weight[s] = more < inside.size() ? kBetween : kOutside;
        if (more >= inside.size()) continue;
        part.finite++;
        out.value[s] = scaled(inside[more]);
        continue;
      }
      const double v = inner[out.source[s]];
      if (!std::isfinite(v)) {
        out.weight[s] = 0;
        continue;
      }
      part.finite++;
      part.measured++;
      out.value[s] = scaled(v);
      part.sum += out.value[s];
    }
    out.tiles[t].whole = part.measured == out.tiles[t].count;
  });
  Part all;
  for (const Part& p : parts) {
    all.sum += p.sum;
    all.finite += p.finite;
    all.measured += p.measured;
  }
  out.finite += all.finite;
  out.measured += all.measured;
  out.mean = all.measured > 0 ? static_cast<float>(all.sum / static_cast<double>(all.measured)) : 0.0f;
}

// Tiles the field's own samples together with points inside and outside cells.
void place_with_cells(const MeshView& mesh, Association association, const ArrayView& values,
                      const MeshShape& shape, SampleSet& out) {
  World world = world_points(mesh, association, shape);
  CellPoints inside = points_inside(mesh, association, values, kInside * out.total),
             outside = points_outside(mesh, out.total / kOutsideShare);
  for (int k = 0; k < 3; k++) {
    world[k].reserve(world[k].size() + inside.at[k].size() + outside.at[k].size());
    for (CellPoints* more : {&inside, &outside}) {
      world[k].insert(world[k].end(), more->at[k].begin(), more->at[k].end());
      std::vector<double>().swap(more->at[k]);
    }
  }
  place_scattered(std::move(world), out);
  fill_values(values, shape, out, inside.value);
}

}  // namespace

SampleSet make_samples(const MeshView& mesh, Association association, const ArrayView& values) {
  const MeshShape shape = check_mesh(mesh, association);
  if (values.data != nullptr && (values.count != shape.values() || values.stride == 0))
    throw Error(Code::invalid_argument,
                "Expected " + std::to_string(shape.values()) + " values" +
                    (association == Association::cell ? " (one per cell)" : " (one per node)") +
                    " a stride of at least 1 apart but received " + std::to_string(values.count) +
                    " values with stride " + std::to_string(values.stride));
  SampleSet out;
  out.domain = domain_of(mesh, association, shape);
  if (values.data != nullptr && mesh.kind == MeshKind::unstructured && mesh.cells > 0 && shape.total() > 0) {
    if (association == Association::node) check_mesh(mesh, Association::cell);  // cells are read as well
    out.total = shape.total();
    place_with_cells(mesh, association, values, shape, out);
    return out;
  }
  place(mesh, association, shape, out);
  if (values.data != nullptr)
    fill_values(values, shape, out);
  else
    out.finite = out.measured = out.total;
  return out;
}

}  // namespace gaussitu
