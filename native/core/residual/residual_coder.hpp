// What the coders of structured and of scattered blocks share: the quantiser of a level, weights and raw
// values as symbols, parts that are coded in parallel, and the stream that holds it all:
//
//   f64 bound, f64 lattice spacing (0: none), varint size of each part, the parts. Part 0 carries weights and
//   small levels, each chunk of a large level is a part of its own.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "residual/features.hpp"
#include "residual/fit.hpp"
#include "residual/row_kernels.hpp"
#include "residual/symbols.hpp"

namespace gaussitu {

inline constexpr double kLevelGrowth = 1.15;  // coarse levels are coded more finely: all below leans on them
inline constexpr size_t kChunkTargets = 1 << 15;  // levels of two chunks and more are coded in parallel
inline constexpr size_t kPairTargets = 1 << 12;   // smaller ones in one, larger ones in two at least
inline constexpr size_t kMaxChunks = 16;

/// Values of a block as the decoder sees them.
template <class T>
struct DecodedBlock {
  Array<T> values;            // [points]
  Array<uint8_t> magnitudes;  // [points] of the codes, at most 255: contexts for the next step
};

struct ResidualHeader {
  double bound = 0;
  double lattice = 0;

  /// `level`: 0 is the finest.
  Quantiser quantiser(int level) const {
    double fine = bound;
    for (int i = 0; i < level; i++) fine /= kLevelGrowth;
    if (!(lattice > 0)) return {2 * fine, bound, 0};
    // Values at multiples of the lattice: the widest odd multiple within the bound.
    return {(2 * std::floor(fine / lattice) + 1) * lattice, bound, lattice};
  }
};

/// The bound that a stream was coded with, as it says. Throws corrupt_stream.
inline double residual_bound(std::span<const uint8_t> bytes) {
  double bound = 0;
  if (bytes.size() >= 16) std::memcpy(&bound, bytes.data(), 8);
  if (!(bound > 0) || !std::isfinite(bound))
    throw Error(Code::corrupt_stream, "Residual is damaged: expected a positive finite bound");
  return bound;
}

template <class T>
class ResidualCoder {
 protected:
  ResidualCoder(size_t points, const uint8_t* skip, std::span<const Reference> references,
                DecodedBlock<T>& out)
      : points_(points), skip_(skip), references_(references), out_(out) {
    out_.values = zeros<T>(points);
    out_.magnitudes = zeros<uint8_t>(points);
  }

  /// `run(coder)` codes everything; called with an encoder.
  template <class Run>
  std::vector<uint8_t> write_stream(const ResidualHeader& header, Run run) {
    if (!(header.bound > 0) || !std::isfinite(header.bound))
      throw Error(Code::invalid_argument,
                  "Expected a finite bound above 0 but received " + std::to_string(header.bound));
    header_ = header;
    BulkEncoder main;
    run(main);
    chunks_.insert(chunks_.begin(), main.finish());
    std::vector<uint8_t> bytes(16);
    std::memcpy(&bytes[0], &header.bound, 8);
    std::memcpy(&bytes[8], &header.lattice, 8);
    size_t size = bytes.size() + 8 * chunks_.size();
    for (const auto& chunk : chunks_) size += chunk.size();
    bytes.reserve(size);
    for (const auto& chunk : chunks_) {
      uint64_t v = chunk.size();
      for (; v >= 128; v >>= 7) bytes.push_back(static_cast<uint8_t>(v | 128));
      bytes.push_back(static_cast<uint8_t>(v));
    }
    for (const auto& chunk : chunks_) bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    return bytes;
  }

  /// `parts`: how many the stream must have; `run(coder)` is called with a decoder. Throws corrupt_stream.
  template <class Run>
  void read_stream(std::span<const uint8_t> bytes, size_t parts, Run run) {
    if (bytes.size() < 16) throw Error(Code::corrupt_stream, "Residual is cut: expected its 16-byte header");
    std::memcpy(&header_.bound, &bytes[0], 8);
    std::memcpy(&header_.lattice, &bytes[8], 8);
    if (!(header_.bound > 0) || !std::isfinite(header_.bound) || !(header_.lattice >= 0) ||
        !std::isfinite(header_.lattice))
      throw Error(Code::corrupt_stream, "Residual is damaged: expected a positive finite bound");
    size_t at = 16;
    std::vector<size_t> sizes(parts);
    for (size_t& size : sizes) size = varint(bytes, at);
    for (const size_t size : sizes) {
      if (size > bytes.size() - at) throw Error(Code::corrupt_stream, "Residual is cut: a part is missing");
      parts_.push_back(bytes.subspan(at, size));
      at += size;
    }
    if (at != bytes.size()) throw Error(Code::corrupt_stream, "Residual is damaged: bytes left over");
    BulkDecoder main(parts_[0]);
    next_part_ = 1;
    run(main);
  }

  /// Parts a level of `targets` in `units` (rows, points) is cut into; 1: it goes into part 0.
  static size_t chunk_count(size_t targets, size_t units) {
    const size_t least = targets >= kPairTargets ? 2 : 1;
    return std::max<size_t>(1, std::min({std::max(least, targets / kChunkTargets), kMaxChunks, units}));
  }

  /// body(coder, models, first unit, last unit) over a level: in part 0, or in parallel parts that all start
  /// from the models as they are now.
  template <class Coder, class Body>
  void code_level(Coder& coder, size_t targets, size_t units, const Body& body) {
    const size_t chunks = chunk_count(targets, units);
    if (chunks == 1) {
      body(coder, models_, size_t{0}, units);
      return;
    }
    std::unique_ptr<CodeModels> learned;  // by the first
    std::vector<std::vector<uint8_t>> bytes(chunks);
    parallel_for(chunks, [&](size_t c) {
      const size_t first = units * c / chunks, last = units * (c + 1) / chunks;
      auto models = std::make_unique<CodeModels>(models_);
      if constexpr (Coder::kDecoding) {
        BulkDecoder own(parts_[next_part_ + c]);
        body(own, *models, first, last);
      } else {
        BulkEncoder own;
        body(own, *models, first, last);
        bytes[c] = own.finish();
      }
      if (c == 0) learned = std::move(models);
    });
    models_ = *learned;
    if constexpr (Coder::kDecoding)
      next_part_ += chunks;
    else
      for (auto& b : bytes) chunks_.push_back(std::move(b));
  }

  /// A run of values that are predicted together and coded one after the other: structured blocks fill it row
  /// by row, scattered ones in decoding order.
  struct Run {
    static constexpr size_t kMost = 512;  // what a thread works on stays in its cache
    std::array<T, kMost> source, prediction, value;
    std::array<int32_t, kMost> code;
    std::array<uint16_t, kMost> sums;  // of the context, without the codes just before
    std::array<uint8_t, kMost> skip, magnitude;
    int left = 0, before = 0;  // magnitudes of the two codes just before
  };

  /// Codes `count` values: fills value and magnitude.
  template <class Coder>
  void code_run(Coder& shared, CodeModels& models, const Quantiser& quantiser, size_t count, Run& run) const {
    if constexpr (!Coder::kDecoding)
      GAUSSITU_ROW(quantise_row, run.source.data(), run.prediction.data(), quantiser, run.code.data(),
                   run.value.data(), count);
    code_codes(shared, models, count, run);
    GAUSSITU_ROW(reconstruct_row, run.prediction.data(), run.code.data(), quantiser, run.value.data(), count);
    for (size_t i = 0; i < count; i++) run.value[i] = finite(run.value[i]);
  }

  /// The codes of a run, and the values that have none: fills magnitude.
  template <class Coder>
  void code_codes(Coder& shared, CodeModels& models, size_t count, Run& run) const {
    Coder coder = std::move(shared);  // a local: bytes that are stored cannot be part of it
    int left = run.left, before = run.before;
    for (size_t i = 0; i < count; i++) {
      int32_t code = 0;
      if (skip_ == nullptr || run.skip[i] == 0) {
        const int context = context_of(run.sums[i] + kLeftWeight * left + kBeforeWeight * before);
        code = code_symbol(coder, models, context, run.code[i]);
        if (code == kNoCode) run.value[i] = code_raw(coder, run.value[i]);
      }
      run.code[i] = code;
      before = left;
      left = magnitude_of(code);
      run.magnitude[i] = static_cast<uint8_t>(left);
    }
    run.left = left;
    run.before = before;
    shared = std::move(coder);
  }

  /// One value on its own: those no code fits.
  template <class Coder>
  static T code_raw(Coder& coder, T value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = coder.raw(bits, 8 * sizeof(T));
    std::memcpy(&value, &bits, sizeof(T));
    return finite(value);
  }

  /// The value at point i with prediction p, on its own (not a row).
  template <class Coder>
  void code_point(Coder& coder, CodeModels& models, int context, const Quantiser& quantiser, const T* source,
                  size_t i, T p) {
    int32_t code = 0;
    T value = p;
    if (!skipped(i)) {
      if constexpr (!Coder::kDecoding)
        GAUSSITU_ROW(quantise_row, source + i, &p, quantiser, &code, &value, 1);
      code = code_symbol(coder, models, context, code);
      if (code == kNoCode) value = code_raw(coder, value);
      GAUSSITU_ROW(reconstruct_row, &p, &code, quantiser, &value, 1);
    }
    out_.values[i] = finite(value);
    out_.magnitudes[i] = magnitude_of(code);
  }

  /// Weights of a level: which are used, and how they differ from those of the level before in the same
  /// `slot`.
  template <class Coder>
  void code_weights(Coder& coder, size_t slot, size_t features, const PassWeights& fallback,
                    PassWeights& weights) {
    if (slots_.size() <= slot) slots_.resize(slot + 1);
    weights.learned = coder.bit(slots_[slot].learned, weights.learned);
    if (!weights.learned) {
      weights = fallback;
      return;
    }
    weights.steps.resize(features);
    weights.shift = static_cast<int>(coder.raw(static_cast<uint64_t>(weights.shift), 5));
    weight_models_.resize(std::max(weight_models_.size(), features));
    std::vector<double>& before = slots_[slot].weights;
    before.resize(std::max(before.size(), features), 0.0);
    for (size_t j = 0; j < features; j++) {
      const auto guess = static_cast<int32_t>(std::nearbyint(std::ldexp(before[j], weights.shift)));
      WeightModels& m = weight_models_[j];
      if (!coder.bit(m.used, weights.steps[j] != 0)) {
        weights.steps[j] = 0;
        continue;
      }
      const int64_t step = int64_t{guess} + m.value.code(coder, weights.steps[j] - guess);
      if (std::abs(step) >= kMaxWeightSteps)
        throw Error(Code::corrupt_stream, "Residual is damaged: bad weight");
      weights.steps[j] = static_cast<int32_t>(step);
      before[j] = std::ldexp(static_cast<double>(step), -weights.shift);
    }
  }

  bool skipped(size_t i) const { return skip_ != nullptr && skip_[i] != 0; }
  static T finite(T v) { return std::isfinite(v) ? v : T{0}; }
  static uint8_t magnitude_of(int32_t code) {
    return static_cast<uint8_t>(code == kNoCode ? 255 : std::min(std::abs(code), 255));
  }

  const size_t points_;
  const uint8_t* skip_;
  std::span<const Reference> references_;
  DecodedBlock<T>& out_;
  ResidualHeader header_;

 private:
  struct WeightModels {
    BulkModel used;
    IntegerModels value;
  };
  struct Slot {
    BulkModel learned;
    std::vector<double> weights;
  };

  static uint64_t varint(std::span<const uint8_t> bytes, size_t& at) {
    uint64_t v = 0;
    for (int shift = 0; shift < 56 && at < bytes.size(); shift += 7) {
      const uint8_t b = bytes[at++];
      v |= uint64_t{b & 127u} << shift;
      if (b < 128) return v;
    }
    throw Error(Code::corrupt_stream, "Residual is damaged: bad length of a part");
  }

  CodeModels models_;
  std::vector<Slot> slots_;
  std::vector<WeightModels> weight_models_;
  std::vector<std::vector<uint8_t>> chunks_;     // encoding
  std::vector<std::span<const uint8_t>> parts_;  // decoding
  size_t next_part_ = 0;                         // decoding
};

}  // namespace gaussitu
