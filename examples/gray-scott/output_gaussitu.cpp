// The coupling itself: this file is all that a simulation needs to add.
#include <cinttypes>
#include <cstdio>
#include <gaussitu.hpp>

#include "output.hpp"

namespace {

template <class Real>
class GaussituSink : public Sink<Real> {
 public:
  GaussituSink(const Settings& settings, const Ranks& ranks, const Slab& slab)
      : slab_(slab),
        rank_(ranks.rank),
        close_seconds_(settings.close_seconds),
        client_(options(settings, ranks)) {
    gaussitu_grid grid{};
    const int64_t nodes[3] = {slab.n[0], slab.n[1], slab.z_count};
    for (int axis = 0; axis < 3; ++axis) {
      grid.dims[axis] = nodes[axis] + 2;
      grid.ghost[2 * axis] = grid.ghost[2 * axis + 1] = 1;
      grid.start[axis] = -1;
      grid.global_dims[axis] = slab.n[axis];
    }
    grid.start[2] = slab.z_begin - 1;
    check(client_.define_uniform("grid", rank_, grid, {-1.0, -1.0, static_cast<double>(slab.z_begin - 1)},
                                 {1, 1, 1}));
  }

  bool put(int64_t step, double time, const Real* u, const Real* v) override {
    client_.begin_step(step, time);
    client_.put("u", "grid", rank_, u, slab_.size());
    client_.put("v", "grid", rank_, v, slab_.size());
    return check(client_.end_step());
  }

  bool close() override {
    client_.flush(close_seconds_);
    status_ = client_.status();
    const int status = client_.close(1.0);
    if (status != GAUSSITU_OK)
      std::fprintf(stderr, "gray-scott: rank %" PRId64 ": %s: %s\n", rank_, gaussitu_status_name(status),
                   client_.error().c_str());
    return status == GAUSSITU_OK || status == GAUSSITU_SPILLED;
  }

  std::string summary() const override {
    char text[256];
    std::snprintf(text, sizeof text,
                  "%" PRId64 " of %" PRId64 " steps durable, %" PRId64 " dropped, %" PRId64
                  " spilled; %.1f MB raw, %.3f MB stored; waited %.2f s for the service",
                  status_.steps_acknowledged, status_.steps_ended,
                  status_.steps_dropped + status_.steps_rejected, status_.steps_spilled,
                  status_.raw_bytes / 1e6, status_.stored_bytes / 1e6, status_.blocked_seconds);
    return text;
  }

 private:
  static gaussitu::Options options(const Settings& settings, const Ranks& ranks) {
    gaussitu::Options o;
    if (!settings.endpoint.empty()) o.endpoint = settings.endpoint.c_str();
    o.run = settings.run.c_str();
    o.client = "gray-scott";
    o.rank = ranks.rank;
    o.ranks = ranks.count;
    return o;
  }

  /// The simulation goes on whatever happens to its output; it only says so, once per kind of trouble.
  bool check(int status) {
    if (status != last_ && status != GAUSSITU_OK)
      std::fprintf(stderr, "gray-scott: rank %" PRId64 ": %s: %s\n", rank_, gaussitu_status_name(status),
                   client_.error().c_str());
    last_ = status;
    return status >= 0;
  }

  Slab slab_;
  int64_t rank_;
  double close_seconds_;
  gaussitu::Client client_;
  gaussitu_status status_{};
  int last_ = GAUSSITU_OK;
};

}  // namespace

template <class Real>
std::unique_ptr<Sink<Real>> make_gaussitu_sink(const Settings& settings, const Ranks& ranks,
                                               const Slab& slab) {
  return std::make_unique<GaussituSink<Real>>(settings, ranks, slab);
}
template std::unique_ptr<Sink<float>> make_gaussitu_sink(const Settings&, const Ranks&, const Slab&);
template std::unique_ptr<Sink<double>> make_gaussitu_sink(const Settings&, const Ranks&, const Slab&);
