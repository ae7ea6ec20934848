// Which Gaussians can reach which tiles. Conservative: a pair that is left out has weight exactly 0 at every
// sample of the tile, so culling never changes a result.
#pragma once
#include <cstdint>
#include <vector>

#include "model/kernel_views.hpp"
#include "model/model.hpp"
#include "sample/sample_set.hpp"

namespace gaussitu {

/// Lists in compressed rows: the entries of row i are items[starts[i]] .. items[starts[i + 1]].
struct Lists {
  std::vector<uint32_t> starts, items;
  const uint32_t* begin(size_t i) const { return items.data() + starts[i]; }
  size_t size(size_t i) const { return starts[i + 1] - starts[i]; }
};

struct Reach {
  Lists tiles;      // [gaussians] the tiles it touches, ascending
  Lists gaussians;  // [tiles] the Gaussians that touch it, ascending: the canonical order
};

/// A balanced tree of boxes over the tiles of a sample set, built once per set.
class TileTree {
 public:
  explicit TileTree(const SampleSet& samples);
  /// Appends the tiles that Gaussian i may reach, ascending, were its support `margin` times as wide.
  void find(const Model& model, size_t i, double margin, std::vector<uint32_t>& out) const;
  size_t tiles() const { return tiles_; }

 private:
  struct Box {
    float lo[3], hi[3];
  };
  size_t leaves_ = 1, tiles_ = 0;
  std::vector<Box> boxes_;  // heap order, leaves from leaves_ on
};

/// Lists that are kept while a model is trained: found for a support a little wider than it is, they stay
/// valid for a Gaussian until it has left that wider support.
class ReachKeeper {
 public:
  explicit ReachKeeper(const SampleSet& samples) : tree_(samples) {}
  /// Lists of the model as it is now.
  const Reach& update(const Model& model);

 private:
  TileTree tree_;
  Model found_for_;                           // centres and shapes when their tiles were found
  std::vector<std::vector<uint32_t>> tiles_;  // [gaussians]
  Reach reach_;
};

Reach find_reach(const Model& model, const TileTree& tree);

/// A lower bound of |A (x - mu)|^2 over the box, minus a margin for single-precision rounding.
double distance_bound(const Model& model, size_t i, const float lo[3], const float hi[3]);

Gaussian view(const Model& model, size_t i);
/// All of them, into `out`.
void views(const Model& model, std::vector<Gaussian>& out);
TileView view(const SampleSet& samples, const Tile& tile);

}  // namespace gaussitu
