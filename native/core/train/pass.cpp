#include "train/pass.hpp"

#include "base/instruction_set.hpp"
#include "base/thread_pool.hpp"
#include "model/evaluate_kernel.hpp"

namespace gaussitu {

Pass::Pass(const SampleSet& samples) : samples_(samples), keeper_(samples) {
  views_.resize(samples.tiles.size());
  for (auto* v : {&e_, &r_, &fr_}) *v = Array<float>(samples.x.size());  // forward() fills them
  squared_.assign(samples.tiles.size(), 0.0);
  pairs_.assign(samples.tiles.size(), 0);
}

double Pass::forward(const Model& model) {
  reach_ = &keeper_.update(model);
  views(model, gaussians_);
  const auto kernel = GAUSSITU_DISPATCH(compare_tile);
  parallel_for(views_.size(), [&](size_t t) {
    const TileView tile = views_[t] = view(samples_, samples_.tiles[t]);  // samples may have been shifted
    ResidualTile out{&samples_.value[tile.begin],
                     &samples_.weight[tile.begin],
                     &e_[tile.begin],
                     &r_[tile.begin],
                     &fr_[tile.begin],
                     0};
    pairs_[t] = kernel(gaussians_.data(), reach_->gaussians.begin(t), reach_->gaussians.size(t), tile,
                       kBackground * model.mean, out);
    squared_[t] = out.squares;
  });
  double total = 0;
  for (const double s : squared_) total += s;
  return total_squared_ = total;
}

Moments Pass::backward(size_t i, bool curvature) const {
  Moments out;
  const auto kernel = curvature ? GAUSSITU_DISPATCH(moments) : GAUSSITU_DISPATCH(forces);
  kernel(gaussians_[i], reach_->tiles.begin(i), reach_->tiles.size(i), views_.data(),
         {e_.data(), r_.data(), fr_.data(), samples_.value.data()}, out);
  return out;
}

void Pass::apply_values(const std::vector<float>& values, std::vector<float>& f) {
  with_values_ = gaussians_;
  for (size_t i = 0; i < with_values_.size(); i++) with_values_[i].v = values[i];
  f.resize(e_.size());
  const auto kernel = GAUSSITU_DISPATCH(evaluate_tile);
  parallel_for(views_.size(), [&](size_t t) {
    kernel(with_values_.data(), reach_->gaussians.begin(t), reach_->gaussians.size(t), views_[t], 0.0f,
           f.data() + views_[t].begin, nullptr);
  });
}

std::pair<float, float> Pass::project(size_t i, const std::vector<float>& h) const {
  float out[2];
  GAUSSITU_DISPATCH(project)
  (gaussians_[i], reach_->tiles.begin(i), reach_->tiles.size(i), views_.data(), h.data(), r_.data(), out);
  return {out[0], out[1]};
}

uint64_t Pass::pairs() const {
  uint64_t sum = 0;
  for (const uint64_t p : pairs_) sum += p;
  return sum;
}

}  // namespace gaussitu
