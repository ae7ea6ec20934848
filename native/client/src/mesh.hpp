// A mesh block as it goes over the wire: checked once when defined, shared by the steps that use it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "array.hpp"
#include "gaussitu.h"

namespace gaussitu::client {

enum class MeshKind { uniform, rectilinear, curvilinear, unstructured, points };

struct MeshArray {
  std::string name;
  gaussitu_dtype dtype;
  std::vector<int64_t> shape;
  BytesPtr bytes;
};

struct Mesh {
  std::string name;
  int64_t block = 0;
  MeshKind kind = MeshKind::uniform;
  gaussitu_grid grid{};             // grids only
  std::array<double, 3> origin{};   // uniform only
  std::array<double, 3> spacing{};  // uniform only
  std::vector<MeshArray> arrays;
  int64_t nodes = 0, cells = 0;  // how many values a node or cell field has; points have no cells
  int32_t level = -1;            // of a patch of a refined grid; -1: not said

  bool is_grid() const { return kind <= MeshKind::curvilinear; }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& a : arrays) sum += a.bytes->size();
    return sum;
  }
};
using MeshPtr = std::shared_ptr<const Mesh>;

const char* kind_name(MeshKind kind);
const char* dtype_name(gaussitu_dtype dtype);
/// Bytes per value; 0 for a number that is no dtype.
uint64_t dtype_bytes(gaussitu_dtype dtype);
/// 1-200 characters, no control characters, no '/'. Throws E_INVALID naming `what`.
std::string checked_name(const char* name, const char* what);

// Each throws E_INVALID when sizes, pointers or types do not fit together, E_MEMORY when a copy fails.
MeshPtr make_uniform(const char* name, int64_t block, const gaussitu_grid* grid, const double* origin,
                     const double* spacing);
MeshPtr make_rectilinear(const char* name, int64_t block, const gaussitu_grid* grid, gaussitu_dtype dtype,
                         const void* x, const void* y, const void* z);
MeshPtr make_curvilinear(const char* name, int64_t block, const gaussitu_grid* grid, gaussitu_dtype dtype,
                         const void* points);
MeshPtr make_unstructured(const char* name, int64_t block, int64_t nodes, gaussitu_dtype dtype,
                          const void* points, int64_t cells, gaussitu_dtype index_dtype,
                          int64_t connectivity_count, const void* connectivity, const void* offsets,
                          const uint8_t* types);
MeshPtr make_points(const char* name, int64_t block, int64_t nodes, gaussitu_dtype dtype, const void* points);

// The same mesh with more said about it: shares the arrays. What was said before is replaced.
MeshPtr with_ghosts(const Mesh& mesh, const uint8_t* nodes, const uint8_t* cells);
MeshPtr with_faces(const Mesh& mesh, gaussitu_dtype index_dtype, int64_t faces_count, const void* faces,
                   const void* offsets);
MeshPtr with_nesting(const Mesh& mesh, int32_t level, const gaussitu_nesting* windows, size_t count);

}  // namespace gaussitu::client
