#include "residual/structured.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "base/thread_pool.hpp"
#include "residual/context.hpp"
#include "residual/learn.hpp"
#include "residual/symbols.hpp"
#include "residual/value_lattice.hpp"

namespace gaussitu {

namespace {

constexpr double kLevelGrowth = 1.15;  // coarse levels are coded more finely: everything below leans on them
constexpr size_t kChunkTargets = 1 << 16;  // passes of two chunks and more are coded in parallel
constexpr size_t kMaxChunks = 16;

double level_bound(double bound, int64_t half) {
  double b = bound;
  for (; half > 1; half /= 2) b /= kLevelGrowth;
  return b;
}

struct Header {
  double bound = 0;
  double lattice = 0;
  Quantiser quantiser(int64_t half) const {
    if (lattice > 0) {
      // Values at multiples of the lattice: the widest odd multiple within the bound.
      const double steps = std::floor(level_bound(bound, half) / lattice);
      return {(2 * steps + 1) * lattice, bound, lattice};
    }
    return {2 * level_bound(bound, half), bound, 0};
  }
};

template <class T>
class StructuredCoder {
 public:
  StructuredCoder(const GridShape& shape, const uint8_t* skip, std::span<const Reference> references,
                  DecodedBlock<T>& out)
      : shape_(shape), skip_(skip), references_(references), out_(out) {
    out_.values.assign(shape.size(), T{0});
    out_.magnitudes.assign(shape.size(), 0);
  }

  std::vector<uint8_t> encode(const T* values, double bound) {
    source_ = values;
    header_ = {bound, find_lattice(values, skip_, shape_.size(), bound)};
    BulkEncoder main;
    run(main);
    std::vector<uint8_t> bytes(16);
    std::memcpy(&bytes[0], &header_.bound, 8);
    std::memcpy(&bytes[8], &header_.lattice, 8);
    const std::vector<uint8_t> head = main.finish();
    chunks_.insert(chunks_.begin(), head);
    for (const auto& chunk : chunks_) put_varint(bytes, chunk.size());
    for (const auto& chunk : chunks_) bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    return bytes;
  }

  void decode(std::span<const uint8_t> bytes) {
    if (bytes.size() < 16) throw Error(Code::corrupt_stream, "Residual is cut: expected its 16-byte header");
    std::memcpy(&header_.bound, &bytes[0], 8);
    std::memcpy(&header_.lattice, &bytes[8], 8);
    if (!(header_.bound > 0) || !std::isfinite(header_.bound) || !(header_.lattice >= 0) ||
        !std::isfinite(header_.lattice))
      throw Error(Code::corrupt_stream, "Residual is damaged: expected a positive finite bound");
    size_t at = 16;
    size_t total = 1;
    for (const GridPass& pass : grid_passes(shape_)) total += chunk_count(pass) > 1 ? chunk_count(pass) : 0;
    std::vector<size_t> sizes(total);
    for (size_t& size : sizes) size = get_varint(bytes, at);
    for (size_t size : sizes) {
      if (size > bytes.size() - at) throw Error(Code::corrupt_stream, "Residual is cut: a part is missing");
      parts_.push_back(bytes.subspan(at, size));
      at += size;
    }
    if (at != bytes.size()) throw Error(Code::corrupt_stream, "Residual is damaged: bytes left over");
    BulkDecoder main(parts_[0]);
    next_part_ = 1;
    run(main);
  }

 private:
  static void put_varint(std::vector<uint8_t>& out, uint64_t v) {
    for (; v >= 128; v >>= 7) out.push_back(static_cast<uint8_t>(v | 128));
    out.push_back(static_cast<uint8_t>(v));
  }
  static uint64_t get_varint(std::span<const uint8_t> bytes, size_t& at) {
    uint64_t v = 0;
    for (int shift = 0; shift < 56; shift += 7) {
      if (at >= bytes.size()) break;
      const uint8_t b = bytes[at++];
      v |= uint64_t{b & 127u} << shift;
      if (b < 128) return v;
    }
    throw Error(Code::corrupt_stream, "Residual is damaged: bad length");
  }

  static size_t chunk_count(const GridPass& pass) {
    const size_t rows = row_count(pass);
    return std::max<size_t>(1, std::min({pass.targets() / kChunkTargets, kMaxChunks, rows}));
  }

  bool skipped(size_t i) const { return skip_ != nullptr && skip_[i] != 0; }

  template <class Coder>
  void run(Coder& coder) {
    CodeModels base;
    code_coarsest(coder, base);
    for (const GridPass& pass : grid_passes(shape_)) code_pass(coder, pass);
  }

  /// One value on its own: the coarsest points and values no code fits.
  template <class Coder>
  T code_raw(Coder& coder, T value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = coder.raw(bits, 8 * sizeof(T));
    std::memcpy(&value, &bits, sizeof(T));
    return std::isfinite(value) ? value : T{0};
  }

  template <class Coder>
  void code_coarsest(Coder& coder, CodeModels& models) {
    const int64_t s = coarsest_stride(shape_);
    const Quantiser quantiser = header_.quantiser(s);
    T last{0};
    const Reference* earlier = nullptr;
    for (const Reference& r : references_)
      if (r.same_quantity && earlier == nullptr) earlier = &r;
    for (int64_t z = 0; z < shape_.dims[2]; z += s)
      for (int64_t y = 0; y < shape_.dims[1]; y += s)
        for (int64_t x = 0; x < shape_.dims[0]; x += s) {
          const size_t i = size_t(x) + size_t(y) * shape_.stride(1) + size_t(z) * shape_.stride(2);
          const T p = earlier ? static_cast<const T*>(earlier->data)[i] : last;
          int32_t code = 0;
          T value = p;
          if (!skipped(i)) {
            if constexpr (!Coder::kDecoding)
              GAUSSITU_ROW(quantise_row, source_ + i, &p, quantiser, &code, &value, 1);
            code = code_symbol(coder, models, 0, code);
            if (code == kNoCode) value = code_raw(coder, value);
            GAUSSITU_ROW(reconstruct_row, &p, &code, quantiser, &value, 1);
          }
          out_.values[i] = last = finite(value);
          out_.magnitudes[i] = magnitude_of(code);
        }
  }

  static uint8_t magnitude_of(int32_t code) {
    return static_cast<uint8_t>(code == kNoCode ? 255 : std::min(std::abs(code), 255));
  }

  template <class Coder>
  void code_pass(Coder& coder, const GridPass& pass) {
    const PassPredictor<T> predictor(shape_, pass, out_.values.data(), references_);
    const Quantiser quantiser = header_.quantiser(pass.half);
    PairOfWeights weights;
    if constexpr (!Coder::kDecoding)
      weights = learn_weights(shape_, predictor, source_, skip_, quantiser.bin);
    for (bool border : {false, true})
      if ((border ? border_targets(shape_, pass) : pass.targets() - border_targets(shape_, pass)) > 0)
        code_weights(coder, predictor, border, weights[border]);

    const size_t rows = row_count(pass);
    const size_t chunks = chunk_count(pass);
    if (chunks == 1) {
      code_rows(coder, models_, predictor, quantiser, weights, 0, rows);
      return;
    }
    std::vector<CodeModels> models(chunks, models_);
    std::vector<std::vector<uint8_t>> bytes(chunks);
    parallel_for(chunks, [&](size_t c) {
      const size_t first = rows * c / chunks, last = rows * (c + 1) / chunks;
      if constexpr (Coder::kDecoding) {
        BulkDecoder own(parts_[next_part_ + c]);
        code_rows(own, models[c], predictor, quantiser, weights, first, last);
      } else {
        BulkEncoder own;
        code_rows(own, models[c], predictor, quantiser, weights, first, last);
        bytes[c] = own.finish();
      }
    });
    models_ = models[0];
    if constexpr (Coder::kDecoding)
      next_part_ += chunks;
    else
      for (auto& b : bytes) chunks_.push_back(std::move(b));
  }

  template <class Coder>
  void code_weights(Coder& coder, const PassPredictor<T>& predictor, bool border, PassWeights& weights) {
    const size_t n = predictor.feature_count();
    weights.learned = coder.bit(learned_[border], weights.learned);
    if (!weights.learned) {
      weights = predictor.default_weights(border);
      return;
    }
    weights.steps.resize(n);
    weights.shift = static_cast<int>(coder.raw(static_cast<uint64_t>(weights.shift), 5));
    weight_models_.resize(std::max(weight_models_.size(), n));
    auto& before = last_weights_[border][predictor.pass().axis];
    before.resize(n, 0.0);
    for (size_t j = 0; j < n; j++) {
      const int32_t guess = static_cast<int32_t>(std::nearbyint(std::ldexp(before[j], weights.shift)));
      auto& m = weight_models_[j];
      const bool used = coder.bit(m.used, weights.steps[j] != 0);
      if (!used) {
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

  template <class Coder>
  void code_rows(Coder& coder, CodeModels& models, const PassPredictor<T>& predictor,
                 const Quantiser& quantiser, const PairOfWeights& weights, size_t first_row,
                 size_t last_row) {
    const GridPass& pass = predictor.pass();
    PassScratch<T> scratch;
    std::vector<uint16_t> sums(kSegment);
    std::vector<int32_t> codes(kSegment);
    std::vector<T> x(kSegment), value(kSegment);
    const auto step = static_cast<size_t>(pass.step[0]);
    for (size_t row = first_row; row < last_row; row++) {
      int left = 0;  // magnitude of the code before, in this row
      for (int64_t begin = 0; begin < pass.count[0];) {
        const Segment at = segment_at(shape_, pass, begin, row, kSegment);
        begin += static_cast<int64_t>(at.count);
        const size_t first = predictor.index(at);
        predictor.predict(at, weights[is_border(shape_, pass, at)], scratch);
        context_sums(shape_, pass, out_.magnitudes.data(), references_, at, first_row, sums.data());
        const T* p = scratch.prediction.data();
        if constexpr (!Coder::kDecoding) {
          for (size_t i = 0; i < at.count; i++)
            x[i] = skipped(first + i * step) ? p[i] : source_[first + i * step];
          GAUSSITU_ROW(quantise_row, x.data(), p, quantiser, codes.data(), value.data(), at.count);
        }
        for (size_t i = 0; i < at.count; i++) {
          int32_t code = 0;
          if (!skipped(first + i * step)) {
            code = code_symbol(coder, models, context_of(sums[i] + kLeftWeight * left), codes[i]);
            if (code == kNoCode) value[i] = code_raw(coder, value[i]);
          }
          codes[i] = code;
          left = magnitude_of(code);
          out_.magnitudes[first + i * step] = static_cast<uint8_t>(left);
        }
        GAUSSITU_ROW(reconstruct_row, p, codes.data(), quantiser, value.data(), at.count);
        for (size_t i = 0; i < at.count; i++) out_.values[first + i * step] = finite(value[i]);
      }
    }
  }

  static T finite(T v) { return std::isfinite(v) ? v : T{0}; }

  struct WeightModels {
    BulkModel used;
    IntegerModels value;
  };

  const GridShape shape_;
  const uint8_t* skip_;
  std::span<const Reference> references_;
  DecodedBlock<T>& out_;
  Header header_;
  CodeModels models_;
  BulkModel learned_[2];
  std::vector<WeightModels> weight_models_;
  std::vector<double> last_weights_[2][3];
  const T* source_ = nullptr;                    // encoding
  std::vector<std::vector<uint8_t>> chunks_;     // encoding
  std::vector<std::span<const uint8_t>> parts_;  // decoding
  size_t next_part_ = 0;                         // decoding
};

}  // namespace

template <class T>
std::vector<uint8_t> encode_structured(const GridShape& shape, const T* values, const uint8_t* skip,
                                       double bound, std::span<const Reference> references,
                                       DecodedBlock<T>& decoded) {
  if (!(bound > 0) || !std::isfinite(bound))
    throw Error(Code::invalid_argument,
                "Expected a finite bound above 0 but received " + std::to_string(bound));
  return StructuredCoder<T>(shape, skip, references, decoded).encode(values, bound);
}

template <class T>
void decode_structured(const GridShape& shape, std::span<const uint8_t> bytes, const uint8_t* skip,
                       std::span<const Reference> references, DecodedBlock<T>& decoded) {
  StructuredCoder<T>(shape, skip, references, decoded).decode(bytes);
}

template std::vector<uint8_t> encode_structured(const GridShape&, const float*, const uint8_t*, double,
                                                std::span<const Reference>, DecodedBlock<float>&);
template std::vector<uint8_t> encode_structured(const GridShape&, const double*, const uint8_t*, double,
                                                std::span<const Reference>, DecodedBlock<double>&);
template void decode_structured(const GridShape&, std::span<const uint8_t>, const uint8_t*,
                                std::span<const Reference>, DecodedBlock<float>&);
template void decode_structured(const GridShape&, std::span<const uint8_t>, const uint8_t*,
                                std::span<const Reference>, DecodedBlock<double>&);

}  // namespace gaussitu
