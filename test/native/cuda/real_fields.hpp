// Parts of the real data, small enough for emulated kernels.
#pragma once
#include <array>
#include <cstring>
#include <limits>
#include <map>

#include "fields.hpp"

namespace real_fields {

using Corner = std::array<size_t, 3>;

template <class T>
std::vector<T> read(const std::string& path) {
  const std::vector<float> words = fields::read_f32(path);
  std::vector<T> out(words.size() * 4 / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), words.data(), out.size() * sizeof(T));
  return out;
}

/// `size` values from `from` on of a grid of `whole`, x fastest.
inline std::vector<float> cut(const std::string& path, const Corner& whole, const Corner& from,
                              const Corner& size) {
  const std::vector<float> all = fields::read_f32(path);
  std::vector<float> out;
  if (all.size() != whole[0] * whole[1] * whole[2]) return out;
  for (size_t z = 0; z < size[2]; z++)
    for (size_t y = 0; y < size[1]; y++)
      for (size_t x = 0; x < size[0]; x++)
        out.push_back(all[from[0] + x + whole[0] * (from[1] + y + whole[1] * (from[2] + z))]);
  return out;
}

/// A block of dns_decay or gray_scott.
inline std::vector<float> block(const std::string& data, const char* name, const Corner& from,
                                const Corner& size) {
  return cut(data + name, {128, 128, 64}, from, size);
}

/// Sea surface temperatures; land is NaN.
inline std::vector<float> sea(const std::string& data, const char* name, const Corner& from,
                              const Corner& size) {
  auto values = cut(data + "ipcc_tos/" + name, {180, 170, 1}, from, size);
  for (float& v : values)
    if (v > 1e19f) v = std::numeric_limits<float>::quiet_NaN();
  return values;
}

/// Samples of a block of a grid.
inline gaussitu::SampleSet on_grid(const std::vector<float>& values, const Corner& size) {
  return gaussitu::make_samples(fields::grid(static_cast<uint32_t>(size[0]), static_cast<uint32_t>(size[1]),
                                             static_cast<uint32_t>(size[2])),
                                gaussitu::Association::node, fields::view(values));
}

inline bool inside(const float* p, const std::array<float, 3>& lo, const std::array<float, 3>& hi) {
  for (size_t d = 0; d < 3; d++)
    if (p[d] < lo[d] || p[d] >= hi[d]) return false;
  return true;
}

/// fem_tet: the nodes inside a box, as points.
inline gaussitu::SampleSet nodes(const std::string& data, const char* field, const std::array<float, 3>& lo,
                                 const std::array<float, 3>& hi) {
  const auto at = fields::read_f32(data + "fem_tet/coords.f32"),
             all = fields::read_f32(data + "fem_tet/" + field);
  std::vector<float> points, values;
  for (size_t i = 0; i < all.size() && 3 * i + 2 < at.size(); i++) {
    if (!inside(&at[3 * i], lo, hi)) continue;
    points.insert(points.end(), &at[3 * i], &at[3 * i] + 3);
    values.push_back(all[i]);
  }
  gaussitu::MeshView mesh;
  mesh.kind = gaussitu::MeshKind::points;
  mesh.points = fields::view(points);
  return gaussitu::make_samples(mesh, gaussitu::Association::node, fields::view(values));
}

/// openfoam_channel395: the cells whose centres lie inside a box, with points inside and around them.
inline gaussitu::SampleSet cells(const std::string& data, const char* field, const std::array<float, 3>& lo,
                                 const std::array<float, 3>& hi) {
  const std::string folder = data + "openfoam_channel395/";
  const auto centres = fields::read_f32(folder + "cell_centres.f32"),
             at = fields::read_f32(folder + "points.f32"), all = fields::read_f32(folder + field);
  const auto corners = read<int32_t>(folder + "connectivity.i32"),
             starts = read<int32_t>(folder + "offsets.i32");
  std::vector<float> points, values;
  std::vector<int32_t> connectivity, offsets{0};
  std::map<int32_t, int32_t> renumbered;
  for (size_t c = 0; c < all.size() && c + 1 < starts.size(); c++) {
    if (!inside(&centres[3 * c], lo, hi)) continue;
    for (auto k = static_cast<size_t>(starts[c]); k < static_cast<size_t>(starts[c + 1]); k++) {
      const auto [node, fresh] = renumbered.emplace(corners[k], static_cast<int32_t>(renumbered.size()));
      connectivity.push_back(node->second);
      const float* p = &at[3 * static_cast<size_t>(corners[k])];
      if (fresh) points.insert(points.end(), p, p + 3);
    }
    offsets.push_back(static_cast<int32_t>(connectivity.size()));
    values.push_back(all[c]);
  }
  const std::vector<uint8_t> types(values.size(), 12);  // hexahedra, all of them
  return gaussitu::make_samples(fields::cells(points, connectivity, offsets, types),
                                gaussitu::Association::cell, fields::view(values));
}

}  // namespace real_fields
