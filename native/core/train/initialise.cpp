#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/thread_pool.hpp"
#include "train/grid_boxes.hpp"
#include "train/importance.hpp"
#include "train/shape.hpp"
#include "train/train.hpp"

namespace gaussitu {
namespace {

constexpr double kWidth = 0.6;  // of a Gaussian, in sides of its box: neighbours overlap enough

// A box of the splitting tree: samples order[begin, end), to be covered by `count` Gaussians from `first` on.
struct Node {
  size_t begin, end, first, count;
};

class Splitter {
 public:
  Splitter(const SampleSet& samples, Model& model) : s_(samples), model_(model), mass_(importance(samples)) {
    for (uint32_t i = 0; i < s_.weight.size(); i++)
      if (s_.weight[i] > 0) order_.push_back(i);
  }

  void run() {
    std::vector<Node> nodes{{0, order_.size(), 0, model_.count()}};
    // Level by level while there is little to share out, then whole subtrees side by side.
    while (nodes.size() < 32) {
      std::vector<Node> next(2 * nodes.size(), Node{0, 0, 0, 0});
      parallel_for(nodes.size(), [&](size_t i) { halve(nodes[i], next[2 * i], next[2 * i + 1]); });
      std::erase_if(next, [](const Node& n) { return n.count == 0; });
      if (next.empty()) return;
      nodes = std::move(next);
    }
    parallel_for(nodes.size(), [&](size_t i) { descend(nodes[i]); });
  }

 private:
  void descend(const Node& node) {
    Node a{0, 0, 0, 0}, b{0, 0, 0, 0};
    halve(node, a, b);
    if (a.count > 0) descend(a);
    if (b.count > 0) descend(b);
  }

  // Makes a Gaussian of a node that gets one; else cuts it across its longest side where importance halves.
  void halve(const Node& n, Node& a, Node& b) {
    if (n.count == 1) return make(n);
    const Array<float>* axes[3] = {&s_.x, &s_.y, &s_.z};
    int axis = 0;
    float low = 0, longest = -1;
    for (int k = 0; k < 3; k++) {
      const auto& c = *axes[k];
      float lo = c[order_[n.begin]], hi = lo;
      for (size_t i = n.begin; i < n.end; i++) {
        lo = std::min(lo, c[order_[i]]);
        hi = std::max(hi, c[order_[i]]);
      }
      if (hi - lo > longest) {
        longest = hi - lo;
        low = lo;
        axis = k;
      }
    }
    size_t middle = n.begin;
    double left = 0, total = 0;
    if (longest > 0) middle = cut(n, *axes[axis], low, longest, left, total);
    if (middle == n.begin || middle == n.end) {  // all in one place: share them out in order
      middle = n.begin + (n.end - n.begin) / 2;
      left = 1, total = 2;
    }
    const size_t most = std::min(n.count - 1, middle - n.begin);
    const size_t least = std::max<size_t>(1, n.count > n.end - middle ? n.count - (n.end - middle) : 0);
    const auto wanted = static_cast<size_t>(std::llround(static_cast<double>(n.count) * left / total));
    const size_t share = std::clamp(wanted, least, most);
    a = {n.begin, middle, n.first, share};
    b = {middle, n.end, n.first + share, n.count - share};
  }

  // Partitions by a plane between bins of a histogram of importance; `left` and `total` are masses.
  size_t cut(const Node& n, const Array<float>& c, float low, float length, double& left, double& total) {
    constexpr int kBins = 128;
    const auto bin = [&](uint32_t i) {
      return std::min(kBins - 1, static_cast<int>((c[i] - low) / length * kBins));
    };
    double mass[kBins] = {};
    for (size_t i = n.begin; i < n.end; i++) mass[bin(order_[i])] += mass_[order_[i]];
    for (const double m : mass) total += m;
    int plane = 1;
    double best = std::numeric_limits<double>::infinity(), sum = 0;
    for (int k = 1; k < kBins; k++) {
      sum += mass[k - 1];
      if (std::fabs(sum - total / 2) < best && mass[k - 1] > 0) {
        best = std::fabs(sum - total / 2);
        plane = k;
        left = sum;
      }
    }
    const auto middle = std::stable_partition(order_.begin() + n.begin, order_.begin() + n.end,
                                              [&](uint32_t i) { return bin(i) < plane; });
    return static_cast<size_t>(middle - order_.begin());
  }

  void make(const Node& n) {
    double mean[3] = {}, c[6] = {}, v = 0;
    const auto count = static_cast<double>(n.end - n.begin);
    for (size_t k = n.begin; k < n.end; k++) {
      const uint32_t i = order_[k];
      mean[0] += s_.x[i];
      mean[1] += s_.y[i];
      mean[2] += s_.z[i];
      v += s_.value[i];
    }
    for (double& m : mean) m /= count;
    for (size_t k = n.begin; k < n.end; k++) {
      const uint32_t i = order_[k];
      const double d[3] = {s_.x[i] - mean[0], s_.y[i] - mean[1], s_.z[i] - mean[2]};
      for (int a = 0, at = 0; a < 3; a++)
        for (int b = a; b < 3; b++) c[at++] += d[a] * d[b];
    }
    // A box of side L has variance L^2 / 12.
    for (double& x : c) x *= 12 * kWidth * kWidth / count;
    const double largest = std::max({c[0], c[3], c[5]}), floor = std::max(0.01 * largest, smallest_);
    for (const int k : {0, 3, 5}) c[k] += floor;
    for (int k = 0; k < 3; k++) model_.mu[k][n.first] = static_cast<float>(mean[k]);
    set_shape(model_, n.first, c);
    model_.v[n.first] = static_cast<float>(v / count);
  }

  const SampleSet& s_;
  Model& model_;
  std::vector<float> mass_;
  std::vector<uint32_t> order_;
  const double smallest_ =
      s_.columns ? 0.1 : 1e-4;  // variance of a single sample's Gaussian, model units squared
};

// The same for boxes of a grid: as a box of samples that stand for cells of side 1.
void make(Model& model, size_t i, const GridBox& box) {
  double c[6] = {};
  for (int k = 0, at = 0; k < 3; at += 3 - k++) {
    const auto side = static_cast<double>(box.hi[k] - box.lo[k]);
    c[at] = kWidth * kWidth * (side * side - 1) + 0.1;
    model.mu[k][i] = static_cast<float>(0.5 * static_cast<double>(box.lo[k] + box.hi[k] - 1));
  }
  set_shape(model, i, c);
  model.v[i] = static_cast<float>(box.value);
}

}  // namespace

Model initialise(const SampleSet& samples, size_t count) {
  Model model;
  model.domain = samples.domain;
  model.value_min = samples.value_min;
  model.value_range = samples.value_range;
  model.mean = samples.mean;
  model.resize(std::min(count, samples.finite));
  if (model.count() == 0) return model;
  if (whole_grid(samples))
    split_grid(samples, model.count(), [&](size_t i, const GridBox& box) { make(model, i, box); });
  else
    Splitter(samples, model).run();
  return model;
}

void rescale(Model& model, const SampleSet& samples) {
  const double range = samples.value_range;
  for (float& v : model.v) {
    const double world = model.value_min + model.value_range * v;
    v = range > 0 ? static_cast<float>((world - samples.value_min) / range) : 0.0f;
  }
  model.value_min = samples.value_min;
  model.value_range = range;
  model.mean = samples.mean;
  model.coverage = 0;
}

}  // namespace gaussitu
