// Where timesteps go: nowhere, to a gaussitu service, or to raw HDF5 files; the last two to compare their
// cost.
#pragma once
#include <memory>
#include <string>

#include "ranks.hpp"
#include "settings.hpp"
#include "solver.hpp"

/// One way to put timesteps out. `put` and `close` return false after saying on stderr what went wrong.
template <class Real>
class Sink {
 public:
  virtual ~Sink() = default;
  virtual bool put(int64_t step, double time, const Real* u, const Real* v) = 0;
  virtual bool close() { return true; }
  virtual std::string summary() const { return ""; }
};

template <class Real>
std::unique_ptr<Sink<Real>> make_gaussitu_sink(const Settings& settings, const Ranks& ranks,
                                               const Slab& slab);
/// nullptr, after a message, in a build without HDF5.
template <class Real>
std::unique_ptr<Sink<Real>> make_hdf5_sink(const Settings& settings, const Ranks& ranks, const Slab& slab);
/// The raw-folder convention (docs/data.md), without ghosts; one rank only.
template <class Real>
std::unique_ptr<Sink<Real>> make_raw_sink(const Settings& settings, const Slab& slab);
