#include "train/pass_fit.hpp"

#include "base/thread_pool.hpp"

namespace gaussitu {

std::vector<float> PassFit::costs(const Model& model) {
  pass_.forward(model);
  std::vector<float> cost(model.count());
  parallel_for(cost.size(), [&](size_t i) { cost[i] = pass_.backward(i, true).curvature[0]; });
  return cost;
}

std::vector<float> PassFit::residuals(const Model& model) {
  pass_.forward(model);
  return {pass_.residual().begin(), pass_.residual().end()};
}

double PassFit::linearise(const Model& model, size_t first, size_t stride, std::vector<Moments>& out) {
  const double squared = pass_.forward(model);
  out.resize(model.count() > first ? (model.count() - first - 1) / stride + 1 : 0);
  parallel_for(out.size(), [&](size_t m) { out[m] = pass_.backward(first + m * stride, true); });
  return squared;
}

}  // namespace gaussitu
