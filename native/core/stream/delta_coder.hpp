// The Gaussians of a payload that refers to the step before: which of the old ones are still there, what
// changed about them, and the new ones. One template for both ways, like gaussian_coder.hpp.
#pragma once
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "entropy/integer_model.hpp"
#include "stream/gaussian_coder.hpp"
#include "stream/reference.hpp"

namespace gaussitu {

/// Numbers that are coded as differences: seven parameters, then the parts of the three axes.
inline constexpr int kDifferences = kCodedParameters + 3;

/// How lively the surroundings are: sum of |differences| of what was coded of the same Gaussian.
inline constexpr int kLively = 3;

template <class Coder>
class DeltaCoder {
 public:
  DeltaCoder(Coder& coder, const ModelReference& reference, const QuantSteps& steps)
      : coder_(coder), reference_(reference), steps_(steps), moved_(reference.count()) {}

  /// Whether the old Gaussian lives on.
  bool lives(bool value) { return coder_.bit(dies_, !value) == 0; }

  /// Gaussian `i` of `q`, that was `j`, visited with stride `s` (detail_order.hpp).
  void survivor(QuantisedModel& q, size_t i, size_t j, size_t s) {
    const auto damaged = [](const char* what) {
      throw Error(Code::corrupt_stream, std::string("Payload is damaged: ") + what);
    };
    const Lattice& lattice = q.lattice;
    const auto most_octaves = static_cast<int32_t>(kMaxLog2 / steps_.scale);
    around_ = around(j, s);
    uint32_t& moved = moved_[j];
    std::array<int32_t, kCodedParameters> p{};
    for (int k = kCodedParameters - 1; k >= 0; --k) {
      const int32_t expected = reference_.parameter(k, j);
      const int64_t value = int64_t{expected} + difference(k, q.parameter[k][i] - expected, moved);
      const int32_t most = k < kSkew ? most_octaves : kMaxParameter;
      if (value < -most || value > most) damaged("parameter out of range");
      p[k] = q.parameter[k][i] = static_cast<int32_t>(value);
    }
    const auto a = shape_of(p, steps_);
    auto cell = Coder::kDecoding ? std::array<uint32_t, 3>{} : lattice.decode(q.cell[i]);
    for (int k = 0; k < 3; ++k) {
      const uint32_t parts = divisions(lattice, k, a, steps_.position);
      const int64_t expected = reference_.part(k, j, parts);
      const int64_t was = static_cast<int64_t>(cell[k]) * parts + q.sub[k][i];
      const int64_t at =
          expected + difference(kCodedParameters + k, static_cast<int32_t>(was - expected), moved);
      if (at < 0 || at >= static_cast<int64_t>(parts) << lattice.bits[k]) damaged("centre outside its box");
      cell[k] = static_cast<uint32_t>(at / parts);
      q.sub[k][i] = static_cast<uint32_t>(at % parts);
    }
    q.cell[i] = lattice.encode(cell);
  }

 private:
  /// Mean movement of the two known neighbours in payload order.
  uint32_t around(size_t j, size_t s) const {
    if (j == 0) return 0;
    return j + s < moved_.size() ? (moved_[j - s] + moved_[j + s]) / 2 : moved_[j - s];
  }

  int32_t difference(int k, int32_t value, uint32_t& moved) {
    const uint32_t around = 2 * moved + around_;
    const int lively = around < 4 ? 0 : around < 12 ? 1 : 2;
    const int32_t d = models_[k][lively].code(coder_, value);
    moved += static_cast<uint32_t>(std::abs(d)) < 64 ? static_cast<uint32_t>(std::abs(d)) : 64;
    return d;
  }

  Coder& coder_;
  const ModelReference& reference_;
  const QuantSteps steps_;
  BitModel dies_;
  std::array<std::array<IntegerModel, kLively>, kDifferences> models_;
  std::vector<uint32_t> moved_;  // [count] sum of |differences| of each old Gaussian, 0 where it is gone
  uint32_t around_ = 0;
};

}  // namespace gaussitu
