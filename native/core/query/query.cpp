#include "query/query.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "model/evaluate.hpp"

namespace gaussitu {
namespace {

constexpr size_t kChunk = 1 << 13;  // points for one thread at a time
constexpr size_t kSlice = 1 << 18;  // points that are sorted together, at least

// Evaluates batches of points of a cell and puts the results where they belong.
template <class T>
class Worker {
 public:
  Worker(const QueryModel& q, Answers<T>& out, bool gradient) : q_(q), out_(out), gradient_(gradient) {
    for (int k = 0; k < 3; k++) per_world_[k] = q.model.value_range * q.model.domain.scale[k];
  }

  void add(size_t cell, float x, float y, float z, size_t to) {
    if (batch_.count == PointBatch::kRoom || cell != cell_) flush();
    cell_ = cell;
    batch_.x[batch_.count] = x;
    batch_.y[batch_.count] = y;
    batch_.z[batch_.count] = z;
    to_[batch_.count++] = to;
  }

  void flush() {
    const size_t n = batch_.count;
    if (n == 0) return;
    // Lanes after the last point repeat it.
    for (; batch_.count % 16 != 0; batch_.count++)
      for (float* c : {batch_.x, batch_.y, batch_.z}) c[batch_.count] = c[n - 1];
    const Model& m = q_.model;
    GAUSSITU_DISPATCH(query_points)
    (q_.index.gaussians(), q_.index.begin(cell_), q_.index.size(cell_), kBackground * m.mean, gradient_,
     batch_);
    for (size_t i = 0; i < n; i++) {
      const size_t at = to_[i];
      out_.values[at] = static_cast<T>(unscale(m, batch_.f[i]));
      // A model without Gaussians is a constant: it has no border.
      out_.inside[at] = m.count() == 0 || (batch_.cover[i] > 0 && batch_.cover[i] >= m.coverage);
      if (gradient_)
        for (int k = 0; k < 3; k++)
          out_.gradient[3 * at + k] = static_cast<T>(per_world_[k] * double{batch_.gradient[k][i]});
    }
    batch_.count = 0;
  }

 private:
  const QueryModel& q_;
  Answers<T>& out_;
  const bool gradient_;
  double per_world_[3];
  size_t cell_ = 0, to_[PointBatch::kRoom];
  PointBatch batch_;
};

struct Point {
  float x, y, z;
  uint32_t from;
};

// Some points at a time by cell: a counting sort. As many as give a cell a few vectors of points; the memory
// that it takes serves for the next ones again.
template <class T>
class PointSorter {
 public:
  PointSorter(const QueryModel& q, const Places& places, bool gradient, Answers<T>& out)
      : q_(q), places_(places), gradient_(gradient), out_(out), starts_(q.index.count() + 1) {}

  void run() {
    const size_t n = places_.total(), most = std::max(kSlice, 32 * q_.index.count());
    for (size_t begin = 0; begin < n; begin += most) slice(begin, std::min(n, begin + most));
  }

 private:
  void slice(size_t begin, size_t end) {
    const size_t n = end - begin, cells = q_.index.count();
    read_.resize(n);
    sorted_.resize(n);
    cell_of_.resize(n);
    // As few parts as there are threads: each counts all cells.
    const size_t parts = std::min<size_t>(thread_count(), (n + kChunk - 1) / kChunk);
    next_.resize(parts);
    parallel_for(parts, [&](size_t p) { count(next_[p], begin, n * p / parts, n * (p + 1) / parts); });
    uint32_t sum = 0;
    for (size_t c = 0; c < cells; c++) {
      starts_[c] = sum;
      for (auto& counts : next_) sum += std::exchange(counts[c], sum);
    }
    starts_[cells] = sum;
    parallel_for(parts, [&](size_t p) {
      for (size_t i = n * p / parts; i < n * (p + 1) / parts; i++)
        sorted_[next_[p][cell_of_[i]]++] = read_[i];
    });
    parallel_for((n + kChunk - 1) / kChunk, [&](size_t chunk) {
      Worker<T> worker(q_, out_, gradient_);
      const size_t first = chunk * kChunk, last = std::min(n, first + kChunk);
      auto cell =
          static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), first) - starts_.begin() - 1);
      for (size_t i = first; i < last; i++) {
        while (i >= starts_[cell + 1]) cell++;
        worker.add(cell, sorted_[i].x, sorted_[i].y, sorted_[i].z, sorted_[i].from);
      }
      worker.flush();
    });
  }

  // Reads points [first, last) of a slice and counts them by cell.
  void count(std::vector<uint32_t>& counts, size_t slice, size_t first, size_t last) {
    const CellIndex& index = q_.index;
    counts.assign(index.count(), 0);
    for (size_t i = first; i < last; i++) {
      const auto at = places_.point(slice + i);
      read_[i] = {at[0], at[1], at[2], static_cast<uint32_t>(slice + i)};
      cell_of_[i] =
          static_cast<uint32_t>(index.cell(index.at(0, at[0]), index.at(1, at[1]), index.at(2, at[2])));
      counts[cell_of_[i]]++;
    }
  }

  const QueryModel& q_;
  const Places& places_;
  const bool gradient_;
  Answers<T>& out_;
  std::vector<uint32_t> starts_;  // [cells + 1]
  Array<uint32_t> cell_of_;
  Array<Point> read_, sorted_;
  std::vector<std::vector<uint32_t>> next_;  // [parts][cells] where the next point of a cell goes
};

// The places of a grid along one axis that are in each cell, in the order of the cells.
struct AxisCells {
  std::vector<uint32_t> starts, items;  // [cells along the axis + 2]: the last but one is beyond the border
};

AxisCells sort_axis(const CellIndex& index, int axis, const std::vector<float>& at) {
  AxisCells out;
  out.starts.assign(index.along(axis) + 2, 0);
  out.items.resize(at.size());
  for (const float x : at) out.starts[index.at(axis, x) + 1]++;
  for (size_t c = 0; c + 1 < out.starts.size(); c++) out.starts[c + 1] += out.starts[c];
  std::vector<uint32_t> next(out.starts.begin(), out.starts.end() - 1);
  for (size_t i = 0; i < at.size(); i++) out.items[next[index.at(axis, at[i])]++] = static_cast<uint32_t>(i);
  return out;
}

template <class T>
void on_grid(const QueryModel& q, const Places& places, bool gradient, Answers<T>& out) {
  const auto& [xs, ys, zs] = places.axes;
  const AxisCells x = sort_axis(q.index, 0, xs), y = sort_axis(q.index, 1, ys), z = sort_axis(q.index, 2, zs);
  const size_t ny = q.index.along(1) + 1, nz = q.index.along(2) + 1;
  parallel_for(ny * nz, [&](size_t row) {
    Worker<T> worker(q, out, gradient);
    const size_t cy = row % ny, cz = row / ny;
    if (y.starts[cy] == y.starts[cy + 1] || z.starts[cz] == z.starts[cz + 1]) return;
    for (size_t cx = 0; cx <= q.index.along(0); cx++) {
      const size_t cell = q.index.cell(cx, cy, cz);
      for (uint32_t c = z.starts[cz]; c < z.starts[cz + 1]; c++)
        for (uint32_t b = y.starts[cy]; b < y.starts[cy + 1]; b++) {
          const size_t at = (size_t{z.items[c]} * ys.size() + y.items[b]) * xs.size();
          for (uint32_t a = x.starts[cx]; a < x.starts[cx + 1]; a++)
            worker.add(cell, xs[x.items[a]], ys[y.items[b]], zs[z.items[c]], at + x.items[a]);
        }
    }
    worker.flush();
  });
}

}  // namespace

template <class T>
Answers<T> query(const QueryModel& q, const Places& places, bool gradient) {
  Answers<T> out;
  const size_t n = places.total();
  out.values.resize(n);
  out.inside.resize(n);
  if (gradient) out.gradient.resize(3 * n);
  if (places.grid)
    on_grid(q, places, gradient, out);
  else
    PointSorter<T>(q, places, gradient, out).run();
  return out;
}

template Answers<float> query(const QueryModel&, const Places&, bool);
template Answers<double> query(const QueryModel&, const Places&, bool);

void gradient_reference(const Model& m, float x, float y, float z, float out[3]) {
  const float f = evaluate_reference(m, x, y, z);
  float d = kBackground, s[3] = {0, 0, 0};
  for (size_t i = 0; i < m.count(); i++) {
    const float dx = x - m.mu[0][i], dy = y - m.mu[1][i], dz = z - m.mu[2][i];
    const float t2 = m.a[5][i] * dz;
    const float t1 = std::fma(m.a[3][i], dy, m.a[4][i] * dz);
    const float t0 = std::fma(m.a[0][i], dx, std::fma(m.a[1][i], dy, m.a[2][i] * dz));
    const float d2 = std::fma(t0, t0, std::fma(t1, t1, t2 * t2));
    const float q = std::max(0.0f, std::fma(d2, -0.125f, 1.0f));
    if (!(q > 0)) continue;
    d += (q * q) * (q * q);
    const float h = ((q * q) * q) * (f - m.v[i]);
    s[0] = std::fma(h, m.a[0][i] * t0, s[0]);
    s[1] = std::fma(h, std::fma(m.a[1][i], t0, m.a[3][i] * t1), s[1]);
    s[2] = std::fma(h, std::fma(m.a[2][i], t0, std::fma(m.a[4][i], t1, m.a[5][i] * t2)), s[2]);
  }
  for (int k = 0; k < 3; k++) out[k] = s[k] / d + 0.0f;
}

}  // namespace gaussitu
