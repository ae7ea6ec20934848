// Moments as the kernels leave them, and the plain sums that they are held to.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>

#include "moments.hpp"
#include "on_device.hpp"
#include "train/pass.hpp"

namespace cases {

/// A model and samples on the device after the forward pass.
struct Compared : OnDevice {
  gaussitu::cuda::DeviceArray<float> e{memory}, r{memory}, fr{memory};
  gaussitu::cuda::DeviceArray<double> squares{memory};
  gaussitu::cuda::DeviceArray<uint32_t> pairs{memory};

  Compared(const gaussitu::Model& m, const gaussitu::SampleSet& s) : OnDevice(m, s) {
    for (auto* a : {&e, &r, &fr}) a->resize(s.x.size());
    squares.resize(samples.blocks());
    pairs.resize(samples.view().unit_count);
    gaussitu::cuda::compare(model.view(), samples, reach.gaussians(), gaussitu::kBackground * m.mean,
                            {e.data(), r.data(), fr.data(), squares.data(), pairs.data()}, stream);
  }
  gaussitu::ResidualView residual() const { return {e.data(), r.data(), fr.data()}; }

  std::vector<float> moments(bool curvature, uint32_t first = 0, uint32_t stride = 1) {
    const auto count = static_cast<uint32_t>((model.count() - first - 1) / stride + 1);
    gaussitu::cuda::DeviceArray<float> out(memory);
    out.resize(size_t{count} * gaussitu::cuda::kMomentStride);
    gaussitu::cuda::moments(model.view(), samples, reach.tiles(), residual(), curvature, first, stride, count,
                            out.data(), stream);
    return out.download(stream);
  }
  /// What becomes of `rows` of all Gaussians when forces alone are summed up.
  std::vector<float> forces(const std::vector<float>& rows, bool halted = false) {
    gaussitu::cuda::DeviceArray<float> out(memory);
    gaussitu::cuda::DeviceArray<uint32_t> flag(memory);
    out.upload(stream, rows.data(), rows.size());
    const uint32_t value = halted;
    flag.upload(stream, &value, 1);
    gaussitu::cuda::moments(model.view(), samples, reach.tiles(), residual(), false, 0, 1,
                            static_cast<uint32_t>(model.count()), out.data(), stream, flag.data());
    return out.download(stream);
  }
};

inline gaussitu::Moments moments_at(const std::vector<float>& rows, size_t i) {
  gaussitu::Moments m;
  std::memcpy(&m, &rows[i * gaussitu::cuda::kMomentStride], sizeof m);
  return m;
}

/// The sums in double, and in `sizes` those of the terms' sizes, from weights in canonical single precision.
struct Plain {
  double sums[57] = {}, sizes[57] = {};

  Plain(const gaussitu::Model& m, size_t i, const gaussitu::SampleSet& s, const gaussitu::Pass& pass,
        const std::vector<float>& f) {
    for (size_t k = 0; k < s.x.size(); k++) {
      const float dx = s.x[k] - m.mu[0][i], dy = s.y[k] - m.mu[1][i], dz = s.z[k] - m.mu[2][i];
      const float t2 = m.a[5][i] * dz, t1 = std::fma(m.a[3][i], dy, m.a[4][i] * dz),
                  t0 = std::fma(m.a[0][i], dx, std::fma(m.a[1][i], dy, m.a[2][i] * dz));
      const double q = std::max(0.0f, std::fma(std::fma(t0, t0, std::fma(t1, t1, t2 * t2)), -0.125f, 1.0f));
      if (q == 0) continue;  // all terms are 0
      // 1 / D and -f / D as the forward pass leaves them, or what stands in their place outside the domain
      const float r = pass.inverse_density()[k], fr = s.weight[k] < 0 ? -s.weight[k] : -(f[k] * r);
      const double phi = q * q * q * q * r, psi = q * q * q * (double{m.v[i]} * r + fr),
                   e = pass.residual()[k];
      const double u0 = s.columns ? m.a[0][i] * dx : t0;
      int second = 0, fourth = 0;
      for (int c = 0; c <= 4; c++)
        for (int b = 0; b + c <= 4; b++)
          for (int a = 0; a + b + c <= 4; a++) {
            const double power = std::pow(u0, a) * std::pow(t1, b) * std::pow(t2, c);
            add(fourth++, psi * psi * power);
            if (a + b + c > 2) continue;
            add(35 + second, phi * psi * power);
            add(45 + second++, e * psi * power);
          }
      add(55, phi * phi);
      add(56, e * phi);
    }
  }
  void add(int k, double term) {
    sums[k] += term;
    sizes[k] += std::fabs(term);
  }
  /// The largest error, relative to the sum of its terms' sizes.
  double error(const gaussitu::Moments& m) const {
    double worst = 0;
    for (int k = 0; k < 57; k++) {
      if (k == 35 || k == 45) continue;  // degree 0, which nobody asks for
      float got;
      std::memcpy(&got, reinterpret_cast<const char*>(&m) + 4 * k, 4);
      worst = std::max(worst, std::fabs(got - sums[k]) / (sizes[k] + 1e-20));
    }
    return worst;
  }
};

}  // namespace cases
