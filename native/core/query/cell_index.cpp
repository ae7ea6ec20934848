#include "query/cell_index.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/thread_pool.hpp"

namespace gaussitu {
namespace {

// Entries of all lists together, per Gaussian: what makes the cells small, and bounds the index's memory. A
// query of few points does not pay for small cells.
constexpr double kLeastEntries = 8, kMostEntries = 96, kEntriesPerPoint = 4;
constexpr double kMostAlong = 1024;  // with kSlack: more than what rounding does to a point's cell
constexpr double kSlack = 1e-3;      // cells are tested so much larger than they are, in cells
constexpr size_t kMostSlabs = 16, kChunk = 1024;

struct Half {
  float along[3];  // of the box around the support
};

// sqrt(8 (A^-1 A^-T)_kk), a little enlarged; anything, also NaN, where A is damaged.
Half half_extent(const Model& m, size_t i) {
  double a[6];
  for (int k = 0; k < 6; k++) a[k] = m.a[k][i];
  const double i00 = 1 / a[0], i11 = 1 / a[3], i22 = 1 / a[5];
  const double i01 = -a[1] * i00 * i11, i12 = -a[4] * i11 * i22,
               i02 = (a[1] * a[4] - a[2] * a[3]) * i00 * i11 * i22;
  const double r = std::sqrt(double{kSupport2}) * 1.001;
  return {{static_cast<float>(r * std::sqrt(i00 * i00 + i01 * i01 + i02 * i02)),
           static_cast<float>(r * std::sqrt(i11 * i11 + i12 * i12)), static_cast<float>(r * std::fabs(i22))}};
}

struct Grid {
  double origin[3], side[3], count[3];
};

Grid grid_of(const std::array<double, 3>& lo, const std::array<double, 3>& width, double side) {
  Grid g;
  for (int k = 0; k < 3; k++) {
    g.origin[k] = lo[k];
    g.count[k] = std::clamp(std::ceil(width[k] / side), 1.0, kMostAlong);
    g.side[k] = width[k] / g.count[k];
  }
  return g;
}

// Cells in the boxes around the supports, per Gaussian, of every step-th.
double cells_touched(const Grid& g, const std::vector<Half>& halves, size_t step) {
  double sum = 0, n = 0;
  for (size_t i = 0; i < halves.size(); i += step, n++) {
    double cells = 1;
    for (int k = 0; k < 3; k++) {
      const double c = 2 * halves[i].along[k] / g.side[k] + 1;
      cells *= c < g.count[k] ? c : g.count[k];
    }
    sum += cells;
  }
  return sum / std::max(n, 1.0);
}

Grid choose_grid(const Model& m, const std::vector<Half>& halves, double entries) {
  const auto n = static_cast<double>(halves.size());
  std::array<double, 3> lo, width;
  double longest = 0;
  for (int k = 0; k < 3; k++) longest = std::max(longest, m.domain.extent[k]);
  if (!(longest > 0 && longest < 1e30)) longest = 1;
  for (int k = 0; k < 3; k++) {
    double border = 0;
    for (const Half& h : halves) border += h.along[k] / n;
    if (!(border > 1e-3 * longest)) border = 1e-3 * longest;
    border = std::min(border, longest);
    const double extent = m.domain.extent[k] < longest ? m.domain.extent[k] : longest;
    lo[k] = -border;
    width[k] = std::max(extent, 0.0) + 2 * border;
  }
  const double widest = *std::max_element(width.begin(), width.end());
  const size_t step = halves.size() / 512 + 1;
  double side = widest;
  for (double finer = widest; finer > widest / kMostAlong; finer *= 0.85) {
    const Grid g = grid_of(lo, width, finer);
    if (g.count[0] * g.count[1] * g.count[2] > 16 * n + 1 || cells_touched(g, halves, step) > entries) break;
    side = finer;
  }
  Grid g = grid_of(lo, width, side);
  // The sample may have missed what a strange model is made of.
  while (g.count[0] * g.count[1] * g.count[2] > 1 && cells_touched(g, halves, 1) > 2 * entries)
    g = grid_of(lo, width, side *= 1.5);
  return g;
}

// A Gaussian in units of cells: the box of cells around its support, [first, last], and what finding the
// cells in it takes.
struct Placed {
  float mu[3], a[6];
  int first[3], last[3];
  bool within;  // the support is within all cells
  bool sane;    // no arithmetic below overflows
};

Placed place(const Grid& g, const PackedGaussian& p, const Half& half) {
  Placed out;
  out.within = true;
  double size = 0;
  for (int k = 0; k < 3; k++) {
    const double mu = (p.mu[k] - g.origin[k]) / g.side[k], h = half.along[k] / g.side[k] + kSlack;
    const double lo = mu - h, hi = mu + h;
    // Written so that a NaN touches all cells.
    out.first[k] = lo > 0 ? static_cast<int>(std::min(lo, g.count[k])) : 0;
    out.last[k] = static_cast<int>(hi < g.count[k] ? std::max(hi + 1, 0.0) : g.count[k]) - 1;
    if (!(lo > 0 && hi < g.count[k])) out.within = false;
    out.mu[k] = static_cast<float>(mu);
    size += std::fabs(mu);
  }
  constexpr int kAxis[6] = {0, 1, 2, 1, 2, 2};
  for (int k = 0; k < 6; k++) {
    out.a[k] = static_cast<float>(p.a[k] * g.side[kAxis[k]]);
    size += std::fabs(out.a[k]);
  }
  out.sane = size < 1e12;
  return out;
}

// Rows of cells along x, in the layers and columns that a support's box touches, and the cells [first, end)
// of each that the support reaches.
struct Rows {
  static constexpr int kRoom = 64;
  int count = 0;
  size_t row[kRoom];
  float dy[kRoom], dz[kRoom];  // from the Gaussian to the middle of the row
  int first[kRoom], end[kRoom];

  void find(const Placed& p) {
    // In a row t1 and t2 change by s1 and s2 at most, and the x of least d2 by s0 / a00; where t1 and t2 are
    // out of reach so is the row, else what is left of the 8 bounds t0, and so x. kRounding: of t in single
    // precision.
    constexpr float kRounding = 1e-6f, half = 0.5f + static_cast<float>(kSlack);
    const float a01 = p.a[1], a02 = p.a[2], a11 = p.a[3], a12 = p.a[4], a22 = std::fabs(p.a[5]), mu = p.mu[0];
    const float width = 1 / p.a[0];
    const float s0 = (std::fabs(a01) + std::fabs(a02)) * half * (1 + kRounding);
    const float s1 = (std::fabs(a11) + std::fabs(a12)) * half * (1 + kRounding), s2 = a22 * half;
    const auto least = static_cast<float>(p.first[0]), most = static_cast<float>(p.last[0] + 1);
    for (int i = 0; i < count; i++) {
      const float y1 = a11 * dy[i], z1 = a12 * dz[i], y0 = a01 * dy[i], z0 = a02 * dz[i];
      const float t2 = a22 * std::fabs(dz[i]), t1 = std::fabs(y1 + z1);
      const float r1 = std::max(0.0f, t1 - s1 - kRounding * (std::fabs(y1) + std::fabs(z1)));
      const float r2 = std::max(0.0f, t2 - s2 - kRounding * t2);
      const float rest = 8.001f - r1 * r1 - r2 * r2;
      const float reach =
          (std::sqrt(std::max(0.0f, rest)) + s0 + kRounding * (std::fabs(y0) + std::fabs(z0))) * width *
              (1 + kRounding) +
          static_cast<float>(kSlack);
      const float middle = mu - (y0 + z0) * width;
      const float lo = std::min(most, std::max(least, middle - reach));
      const float hi = std::max(lo, std::min(most, middle + reach + 1));
      first[i] = static_cast<int>(lo);
      end[i] = rest > 0 ? static_cast<int>(hi) : 0;
    }
    if (!p.sane)
      for (int i = 0; i < count; i++) first[i] = p.first[0], end[i] = p.last[0] + 1;
  }
};

// visit(row, first, end) for the rows in layers [begin, end) that a Gaussian reaches.
template <class Visit>
void each_row(const Grid& g, const Placed& p, int begin, int end, const Visit& visit) {
  Rows rows;
  const auto flush = [&] {
    rows.find(p);
    for (int i = 0; i < rows.count; i++)
      if (rows.first[i] < rows.end[i]) visit(rows.row[i], rows.first[i], rows.end[i]);
    rows.count = 0;
  };
  for (int k = std::max(p.first[2], begin); k <= std::min(p.last[2], end - 1); k++)
    for (int j = p.first[1]; j <= p.last[1]; j++) {
      if (rows.count == Rows::kRoom) flush();
      rows.row[rows.count] =
          static_cast<size_t>(k) * static_cast<size_t>(g.count[1]) + static_cast<size_t>(j);
      rows.dy[rows.count] = static_cast<float>(j) + 0.5f - p.mu[1];
      rows.dz[rows.count++] = static_cast<float>(k) + 0.5f - p.mu[2];
    }
  flush();
}

}  // namespace

CellIndex::CellIndex(const Model& m, double points) : gaussians_(m.count()) {
  const size_t n = m.count();
  std::vector<Half> halves(n);
  parallel_for((n + kChunk - 1) / kChunk, [&](size_t c) {
    for (size_t i = c * kChunk; i < std::min(n, (c + 1) * kChunk); i++) {
      halves[i] = half_extent(m, i);
      PackedGaussian& p = gaussians_[i];
      p = {};
      for (int k = 0; k < 3; k++) p.mu[k] = m.mu[k][i];
      for (int k = 0; k < 6; k++) p.a[k] = m.a[k][i];
      p.v = m.v[i];
    }
  });
  const Grid g = choose_grid(
      m, halves, std::clamp(kEntriesPerPoint * points / static_cast<double>(n), kLeastEntries, kMostEntries));
  for (int k = 0; k < 3; k++) {
    counts_[k] = static_cast<size_t>(g.count[k]);
    origin_[k] = static_cast<float>(g.origin[k]);
    per_unit_[k] = static_cast<float>(1 / g.side[k]);
  }

  std::vector<Placed> placed(n);
  parallel_for((n + kChunk - 1) / kChunk, [&](size_t c) {
    for (size_t i = c * kChunk; i < std::min(n, (c + 1) * kChunk); i++)
      placed[i] = place(g, gaussians_[i], halves[i]);
  });
  std::vector<uint32_t> beyond;
  for (size_t i = 0; i < n; i++)
    if (!placed[i].within) beyond.push_back(static_cast<uint32_t>(i));

  // Slabs of cells side by side in memory, each by one thread; Gaussians in order in each.
  const size_t slabs = std::min(counts_[2], kMostSlabs);
  const auto each_run = [&](const auto& visit) {
    parallel_for(slabs, [&](size_t s) {
      const int begin = static_cast<int>(s * counts_[2] / slabs),
                end = static_cast<int>((s + 1) * counts_[2] / slabs);
      for (size_t i = 0; i < n; i++) {
        if (placed[i].last[2] < begin || placed[i].first[2] >= end) continue;
        each_row(g, placed[i], begin, end, [&](size_t row, int first, int last) {
          uint64_t* starts = starts_.data() + row * counts_[0];
          visit(starts + first, starts + last, static_cast<uint32_t>(i));
        });
      }
    });
  };
  starts_.assign(count() + 1, 0);
  each_run([](uint64_t* cell, const uint64_t* end, uint32_t) {
    for (; cell != end; cell++) ++*cell;
  });
  starts_[count() - 1] = beyond.size();
  uint64_t sum = 0;
  for (uint64_t& s : starts_) s = std::exchange(sum, sum + s);
  items_.resize(sum);
  std::copy(beyond.begin(), beyond.end(), items_.end() - static_cast<ptrdiff_t>(beyond.size()));
  // Each start moves to its list's end, which is where the next one starts, and is moved back afterwards.
  each_run([&](uint64_t* cell, const uint64_t* end, uint32_t i) {
    for (; cell != end; cell++) items_[(*cell)++] = i;
  });
  std::copy_backward(starts_.begin(), starts_.end() - 2, starts_.end() - 1);
  starts_[0] = 0;
}

}  // namespace gaussitu
