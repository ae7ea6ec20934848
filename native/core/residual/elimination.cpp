#include "residual/elimination.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/thread_pool.hpp"
#include "residual/kd_tree.hpp"

namespace gaussitu {

namespace {

constexpr size_t kCoarsest = 64;          // points left over, at most
constexpr size_t kFewLinks = 4;           // with fewer a point is linked to the nearest ones too,
constexpr size_t kNearest = 8;            // until it has as many as this
constexpr size_t kLeastShare = 16;        // of the points left: at least so many are taken in a round
constexpr double kMostUneven = 1.5;       // how far a link's length counts
constexpr double kLeastStrength = 1e-30;  // far from where floats end
constexpr size_t kBatch = 2048;

/// A link while its parts are summed.
struct Path {
  double strength;
  uint32_t to;
};

void in_batches(size_t count, const auto& body) {
  parallel_for((count + kBatch - 1) / kBatch, [&](size_t batch) {
    const size_t end = std::min(count, (batch + 1) * kBatch);
    for (size_t i = batch * kBatch; i < end; i++) body(i);
  });
}

class Eliminator {
 public:
  Eliminator(std::span<const double> xyz, const MeshGraph& graph)
      : xyz_(xyz), n_(xyz.size() / 3), state_(n_, State::left) {
    out_.links.resize(n_ * kMostLinks);
    out_.counts.resize(n_);
    left_.resize(n_);
    std::iota(left_.begin(), left_.end(), 0u);
    link_all(graph);
  }

  Elimination run() {
    std::vector<std::vector<uint32_t>> rounds;
    while (left_.size() > kCoarsest) {
      std::vector<uint32_t> taken = independent();
      if (taken.size() * kLeastShare < left_.size()) taken = every_second();
      std::erase_if(left_, [this](uint32_t i) { return state_[i] == State::taken; });
      if (dropped_) {  // some taken points lost links
        replenish(taken);
        dropped_ = false;
      }
      bridge();
      replenish(left_);
      for (const uint32_t i : taken) state_[i] = State::gone;
      rounds.push_back(std::move(taken));
    }
    out_.order.reserve(n_);
    out_.levels.push_back(0);
    auto append = [this](const std::vector<uint32_t>& level) {
      out_.order.insert(out_.order.end(), level.begin(), level.end());
      out_.levels.push_back(out_.order.size());
    };
    if (n_ > 0) append(left_);
    for (size_t r = rounds.size(); r-- > 0;) append(rounds[r]);
    return std::move(out_);
  }

 private:
  enum class State : uint8_t { left, blocked, taken, gone };

  std::span<Link> links(uint32_t i) { return {&out_.links[size_t{i} * kMostLinks], out_.counts[i]}; }

  double distance(uint32_t a, uint32_t b) const {
    double sum = 0;
    for (size_t k = 0; k < 3; k++) {
      const double d = xyz_[3 * size_t{a} + k] - xyz_[3 * size_t{b} + k];
      sum += d * d;
    }
    return std::sqrt(sum);
  }

  /// Keeps the strongest, ties by index; returns how many.
  static uint8_t keep_strongest(std::vector<Path>& paths, Link* links) {
    std::sort(paths.begin(), paths.end(), [](const Path& a, const Path& b) {
      return a.strength != b.strength ? a.strength > b.strength : a.to < b.to;
    });
    const size_t count = std::min(paths.size(), kMostLinks);
    for (size_t j = 0; j < count; j++)
      links[j] = {static_cast<float>(std::max(paths[j].strength, kLeastStrength)), paths[j].to};
    return static_cast<uint8_t>(count);
  }

  void store(uint32_t i, std::vector<Path>& paths) {
    out_.counts[i] = keep_strongest(paths, &out_.links[size_t{i} * kMostLinks]);
  }

  static bool holds(const std::vector<Path>& paths, uint32_t point) {
    return std::any_of(paths.begin(), paths.end(), [&](const Path& p) { return p.to == point; });
  }

  void add_nearest(const KdTree& tree, uint32_t i, std::vector<Path>& paths, double strength) const {
    Neighbour found[kNearest + 1];
    const size_t count = tree.nearest(&xyz_[3 * size_t{i}], found);
    for (size_t j = 0; j < count && paths.size() < kNearest; j++)
      if (found[j].point != i && !holds(paths, found[j].point)) paths.push_back({strength, found[j].point});
  }

  /// The links of the mesh. Where they differ in length by more than kMostUneven from their mean, that is how
  /// the cells are made (thin along a wall), and does not mean that fields change more along the longer.
  void link_all(const MeshGraph& graph) {
    const bool bare = graph.first.empty();
    bool few = bare;
    for (size_t i = 0; i < n_ && !few; i++) few = graph.first[i + 1] - graph.first[i] < kFewLinks;
    const KdTree tree(xyz_, few ? left_ : std::vector<uint32_t>{});
    in_batches(n_, [&](size_t at) {
      const auto i = static_cast<uint32_t>(at);
      std::vector<Path> paths;
      if (!bare)
        for (size_t k = graph.first[i]; k < graph.first[i + 1]; k++) paths.push_back({0, graph.to[k]});
      if (paths.size() < kFewLinks) add_nearest(tree, i, paths, 0);
      double mean = 0;
      for (Path& p : paths) mean += p.strength = distance(i, p.to);
      mean /= static_cast<double>(std::max<size_t>(1, paths.size()));
      for (Path& p : paths)
        p.strength = mean > 0 ? 1 / std::clamp(p.strength / mean, 1 / kMostUneven, kMostUneven) : 1;
      store(i, paths);
    });
  }

  /// Points of which no two are linked, first come first served.
  std::vector<uint32_t> independent() {
    std::vector<uint32_t> taken;
    for (const uint32_t i : left_) state_[i] = State::left;
    for (const uint32_t i : left_) {
      if (state_[i] == State::blocked || out_.counts[i] == 0) continue;
      const auto own = links(i);
      if (std::any_of(own.begin(), own.end(), [this](Link l) { return state_[l.to] == State::taken; }))
        continue;
      state_[i] = State::taken;
      for (const Link& l : own) state_[l.to] = State::blocked;
      taken.push_back(i);
    }
    return taken;
  }

  /// When almost all points are linked to the same few, no good set is independent.
  std::vector<uint32_t> every_second() {
    std::vector<uint32_t> taken;
    for (size_t k = 0; k < left_.size(); k++) {
      state_[left_[k]] = k % 2 == 0 ? State::left : State::taken;
      if (k % 2 == 1) taken.push_back(left_[k]);
    }
    for (const uint32_t i : taken) {
      std::vector<Path> paths;
      for (const Link& l : links(i))
        if (state_[l.to] != State::taken) paths.push_back({l.strength, l.to});
      store(i, paths);
    }
    dropped_ = true;
    return taken;
  }

  /// Links what a taken point was linked to: conductances in series, and in parallel where there were links.
  void bridge() {
    std::vector<Link> fresh(left_.size() * kMostLinks);
    std::vector<uint8_t> counts(left_.size());
    in_batches(left_.size(), [&](size_t at) {
      const uint32_t i = left_[at];
      thread_local std::vector<Path> paths;
      paths.clear();
      const auto own = links(i);
      for (const Link& l : own)
        if (state_[l.to] != State::taken) paths.push_back({l.strength, l.to});
      for (const Link& l : own)
        if (state_[l.to] == State::taken) add_paths(i, l, paths);
      counts[at] = keep_strongest(paths, &fresh[at * kMostLinks]);
    });
    for (size_t at = 0; at < left_.size(); at++) {
      out_.counts[left_[at]] = counts[at];
      std::copy_n(&fresh[at * kMostLinks], counts[at], &out_.links[size_t{left_[at]} * kMostLinks]);
    }
  }

  void add_paths(uint32_t from, const Link& through, std::vector<Path>& paths) {
    double sum = 0;
    for (const Link& l : links(through.to)) sum += l.strength;
    for (const Link& l : links(through.to)) {
      if (l.to == from) continue;
      const double strength = double{through.strength} * l.strength / sum;
      const auto known =
          std::find_if(paths.begin(), paths.end(), [&](const Path& p) { return p.to == l.to; });
      if (known != paths.end())
        known->strength += strength;
      else
        paths.push_back({strength, l.to});
    }
  }

  /// Links points that have few links to the nearest that are left: parts of a mesh that are not connected.
  void replenish(const std::vector<uint32_t>& points) {
    const size_t enough = std::min(kFewLinks, left_.size() - 1);
    std::vector<uint32_t> few;
    for (const uint32_t i : points)
      if (out_.counts[i] < enough) few.push_back(i);
    if (few.empty()) return;
    const KdTree tree(xyz_, left_);
    in_batches(few.size(), [&](size_t at) {
      std::vector<Path> paths;
      for (const Link& l : links(few[at])) paths.push_back({l.strength, l.to});
      add_nearest(tree, few[at], paths, paths.empty() ? 1 : paths.back().strength);
      store(few[at], paths);
    });
  }

  std::span<const double> xyz_;
  const size_t n_;
  std::vector<uint32_t> left_;  // in increasing order
  std::vector<State> state_;
  bool dropped_ = false;
  Elimination out_;
};

}  // namespace

Elimination eliminate(std::span<const double> coordinates, const MeshGraph& graph) {
  return Eliminator(coordinates, graph).run();
}

}  // namespace gaussitu
