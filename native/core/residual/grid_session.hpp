// A structured block in the memory of a device: what structured.cpp asks of one that predicts and quantises
// for it. The same operations as row_kernels.hpp, so the same bits; entropy coding stays on the host.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "residual/features.hpp"
#include "residual/row_kernels.hpp"

namespace gaussitu {

/// A block that is to be coded; borrowed as long as the session lives.
template <class T>
struct GridBlock {
  GridShape shape;
  const T* values = nullptr;      // [points]
  const uint8_t* skip = nullptr;  // [points] or null
  std::span<const Reference> references;
};

/// RowStencil by places instead of pointers: a target at (x, y, z) reads `array` (0: decoded values so
/// far, 1...: references) at each coordinate plus `offset`, clamped to [0, last].
template <class T>
struct GridStencil {
  struct Tap {
    uint32_t array;
    int32_t offset[3], last[3];
  };
  std::vector<Tap> taps;  // first the two nearest of each array in use
  std::vector<RowFeature<T>> features;
  uint32_t array_count = 0;
};

/// For one thread. A call that only starts work returns at once; what it was given may go then. Throws Error
/// (unavailable, no_memory).
template <class T>
class GridSession {
 public:
  virtual ~GridSession() = default;

  /// Decoded values of points that are coded on the host.
  virtual void place(std::span<const uint32_t> points, std::span<const T> values) = 0;

  /// Starts adding up, for each list of points, products of the features and of what they have to explain
  /// (value - mean of the two nearest): sums [lists][features + 1, features + 1], of which b >= a is defined,
  /// in the order of the points, each product and each sum rounded.
  virtual void begin_sums(const GridPass& pass, const GridStencil<T>& stencil,
                          std::span<const std::vector<uint32_t>> lists) = 0;
  virtual std::vector<std::vector<double>> finish_sums() = 0;

  /// Starts predicting and quantising all targets of a pass; `stencils` of the interior and of the border.
  virtual void begin_pass(const GridPass& pass, const GridStencil<T> (&stencils)[2],
                          const Quantiser& quantiser) = 0;
  /// Codes [targets], x fastest, kNoCode where the value is stored as it is, 0 where skipped; valid until the
  /// next begin_pass().
  virtual const int32_t* finish_pass() = 0;

  /// Decoded values [points].
  virtual void values(T* out) = 0;
};

}  // namespace gaussitu
