// The lattice of cells that coarse positions are coded on: 2^bits cells per axis, numbered along a Morton
// curve.
#pragma once
#include <array>
#include <cstdint>

#include "model/model.hpp"

namespace gaussitu {

struct Lattice {
  static constexpr int kMaxBits = 30;  // over all axes
  static constexpr uint32_t kMaxDivisions = 1u << 16;

  std::array<float, 3> lo{0, 0, 0};    // model units
  std::array<float, 3> size{0, 0, 0};  // model units, > 0 where bits > 0
  std::array<uint8_t, 3> bits{0, 0, 0};

  /// The domain's box, or the centres' where one lies outside; about 8 cells per Gaussian, cells as cubic as
  /// powers of two allow.
  static Lattice of(const Model& model);

  bool operator==(const Lattice&) const = default;

  int total_bits() const { return bits[0] + bits[1] + bits[2]; }
  /// Edge of a cell, model units; exact.
  double edge(int axis) const { return static_cast<double>(size[axis]) / (1u << bits[axis]); }
  /// Subdivisions of a cell that f32 positions can still tell apart.
  uint32_t max_divisions(int axis) const;

  uint64_t encode(const std::array<uint32_t, 3>& cell) const;
  std::array<uint32_t, 3> decode(uint64_t code) const;

  /// Cell of a position and its fraction [0, 1) within; positions outside the box count as on its border.
  uint32_t locate(int axis, float position, double& fraction) const;
  /// Centre of subdivision `part` of `parts` of a cell.
  float position(int axis, uint32_t cell, uint32_t part, uint32_t parts) const {
    const double in_cells = cell + (part + 0.5) / parts;
    return static_cast<float>(lo[axis] + in_cells * edge(axis));
  }

 private:
  /// Calls visit(axis) for every bit of a code, most significant first: the axis with the longest cell so
  /// far.
  template <class Visit>
  void each_bit(Visit visit) const;
};

}  // namespace gaussitu
