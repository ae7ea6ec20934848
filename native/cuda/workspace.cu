#include "workspace.hpp"

namespace gaussitu::cuda {

Workspace::Workspace(const SampleSet& s, Supplies& supplies, size_t memory_limit)
    : host(s),
      lease(supplies.stream()),
      stream(*lease),
      memory(supplies.pool(), stream, memory_limit),
      samples(s, memory, stream) {}

void Workspace::load(const Model& m) {
  model.upload(m, stream);
  start = kBackground * m.mean;
}

void Workspace::evaluate(bool with_cover) {
  f.resize(samples.padded());
  if (with_cover) cover.resize(samples.padded());
  reach.find_all(model.view(), samples, stream);
  cuda::evaluate(model.view(), samples, reach.gaussians(), start, f.data(),
                 with_cover ? cover.data() : nullptr, stream);
}

void Workspace::forward(bool wait) {
  for (auto* a : {&e, &r, &fr}) a->resize(samples.padded());
  squares.resize(samples.blocks());
  pairs.resize(samples.view().unit_count);
  if (wait)
    reach.find_all(model.view(), samples, stream);
  else
    reach.find(model.view(), samples, stream);
  compare(model.view(), samples, reach.gaussians(), start,
          {e.data(), r.data(), fr.data(), squares.data(), pairs.data()}, stream);
}

double Workspace::squared() {
  double sum = 0;
  for (const double s : squares.download(stream)) sum += s;
  return sum;
}

}  // namespace gaussitu::cuda
