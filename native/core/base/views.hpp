// Borrowed views of the caller's arrays: nothing here owns memory.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace gaussitu {

enum class Dtype : uint8_t { f32 = 0, f64 = 1 };
enum class Association : uint8_t { node = 0, cell = 1 };

/// An array of `count` elements, each `stride` elements apart; may be unaligned (frames of a socket are).
struct ArrayView {
  const void* data = nullptr;
  Dtype dtype = Dtype::f32;
  size_t count = 0;
  size_t stride = 1;  // in elements: 3 for one component of an interleaved vector field
};

enum class MeshKind : uint8_t { uniform = 0, rectilinear = 1, curvilinear = 2, unstructured = 3, points = 4 };

/// Where the samples of a field sit. `dims` counts nodes, x fastest; cell fields on a grid have max(dims-1,
/// 1) values per axis. Ghost layers are part of the arrays and are left out of everything that is computed.
struct MeshView {
  MeshKind kind = MeshKind::uniform;
  std::array<uint32_t, 3> dims{1, 1, 1};
  std::array<double, 3> origin{0, 0, 0};   // uniform: world position of node (0,0,0), ghosts included
  std::array<double, 3> spacing{1, 1, 1};  // uniform: world units per index step
  ArrayView axis[3];                       // rectilinear: node coordinates per axis
  ArrayView points;                    // curvilinear, unstructured, points: [n, 3] interleaved, count = 3 n
  const void* connectivity = nullptr;  // unstructured: node indices of all cells
  const void* offsets = nullptr;       // unstructured: [cells + 1] into connectivity
  const uint8_t* types = nullptr;      // unstructured: [cells] VTK cell types
  size_t cells = 0;
  size_t connectivity_count = 0;
  uint8_t index_bytes = 4;                          // 4 (int32) or 8 (int64), connectivity and offsets alike
  std::array<uint32_t, 6> ghost{0, 0, 0, 0, 0, 0};  // grids: layers at xlo, xhi, ylo, yhi, zlo, zhi
};

}  // namespace gaussitu
