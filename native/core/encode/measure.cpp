#include "encode/measure.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sample/array_reader.hpp"
#include "sample/mesh_points.hpp"

namespace gaussitu {

namespace {

template <class T>
uint32_t crc_as(const std::vector<double>& values) {
  uLong crc = crc32_z(0, nullptr, 0);
  std::vector<T> part;
  for (size_t at = 0; at < values.size(); at += 1 << 16) {
    const size_t n = std::min<size_t>(values.size() - at, 1 << 16);
    part.resize(n);
    for (size_t i = 0; i < n; ++i) part[i] = static_cast<T>(values[at + i]);
    crc = crc32_z(crc, reinterpret_cast<const uint8_t*>(part.data()), n * sizeof(T));
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace

DecodedField decode_field(const Model& model, Session& session, Dtype dtype) {
  const SampleSet& positions = session.samples();
  std::vector<float> f(positions.x.size()), cover(positions.x.size());
  session.evaluate(model, f.data(), cover.data());
  DecodedField out;
  out.values.resize(positions.total);
  out.inside.resize(positions.total);
  for (size_t s = 0; s < positions.source.size(); ++s) {
    const uint32_t i = positions.source[s];
    if (i == kNoSource) continue;
    const double x = unscale(model, f[s]);
    out.values[i] = dtype == Dtype::f32 ? static_cast<double>(static_cast<float>(x)) : x;
    // A model without Gaussians is a constant: it has no border.
    out.inside[i] = model.count() == 0 || (cover[s] > 0 && cover[s] >= model.coverage);
  }
  return out;
}

Metrics measure(const Model& model, Session& session, const MeshView& mesh, Association association,
                const ArrayView& values) {
  const DecodedField decoded = decode_field(model, session, values.dtype);
  const MeshShape shape = check_mesh(mesh, association);
  Metrics m;
  m.values = session.samples().total;
  double squares = 0;
  size_t at = 0;
  bool any = false;
  for (size_t k = 0; k < shape.inner[2]; ++k)
    for (size_t j = 0; j < shape.inner[1]; ++j)
      for (size_t i = 0; i < shape.inner[0]; ++i, ++at) {
        const double x = element(values, shape.source(i, j, k));
        if (!std::isfinite(x)) {
          ++m.non_finite;
          continue;
        }
        m.value_min = any ? std::min(m.value_min, x) : x;
        m.value_max = any ? std::max(m.value_max, x) : x;
        any = true;
        const double error = std::fabs(x - decoded.values[at]);
        m.max_error = std::max(m.max_error, error);
        squares += error * error;
      }
  const auto finite = static_cast<double>(m.values - m.non_finite);
  m.rmse = finite > 0 ? std::sqrt(squares / finite) : 0;
  const double peak = m.value_max - m.value_min;
  m.psnr = m.rmse > 0 ? 20 * std::log10(peak / m.rmse) : std::numeric_limits<double>::infinity();
  m.crc = values.dtype == Dtype::f32 ? crc_as<float>(decoded.values) : crc_as<double>(decoded.values);
  return m;
}

double mean_squared_error(const Model& model, Session& session) {
  std::vector<float> f(session.samples().x.size());
  session.evaluate(model, f.data());
  return mean_squared_error(f, session.samples());
}

double mean_squared_error(const std::vector<float>& f, const SampleSet& samples) {
  double sum = 0;
  for (size_t s = 0; s < f.size(); ++s)
    if (samples.weight[s] > 0 && samples.source[s] != kNoSource) {
      const double e = static_cast<double>(f[s]) - samples.value[s];
      sum += e * e;
    }
  return samples.measured > 0 ? sum / static_cast<double>(samples.measured) : 0;
}

}  // namespace gaussitu
