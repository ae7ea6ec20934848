#include "residual/structured.hpp"

#include <memory>

#include "device/device.hpp"
#include "residual/context.hpp"
#include "residual/device_pass.hpp"
#include "residual/value_lattice.hpp"

namespace gaussitu {

namespace {

int level_of(int64_t stride) {
  int level = 0;
  for (; stride > 1; stride /= 2) level++;
  return level;
}

template <class T>
class StructuredCoder : private ResidualCoder<T> {
  using Base = ResidualCoder<T>;
  using Base::header_, Base::out_, Base::references_, Base::skip_, Base::skipped;

 public:
  StructuredCoder(const GridShape& shape, const uint8_t* skip, std::span<const Reference> references,
                  DecodedBlock<T>& out)
      : Base(shape.size(), skip, references, out), shape_(shape), passes_(grid_passes(shape)) {}

  std::vector<uint8_t> encode(const T* values, double bound) {
    source_ = values;
    return Base::write_stream({bound, find_lattice(values, skip_, shape_.size(), bound)},
                              [this](BulkEncoder& coder) { run(coder); });
  }

  /// The same with everything but the coding done by a device.
  std::vector<uint8_t> encode_on(GridSession<T>& session, const T* values, double bound) {
    source_ = values;
    return Base::write_stream({bound, find_lattice(values, skip_, shape_.size(), bound)},
                              [&](BulkEncoder& coder) { run_on(session, coder); });
  }

  void decode(std::span<const uint8_t> bytes) {
    size_t parts = 1;
    for (const GridPass& pass : passes_) {
      const size_t chunks = Base::chunk_count(pass.targets(), row_count(pass));
      if (chunks > 1) parts += chunks;
    }
    Base::read_stream(bytes, parts, [this](BulkDecoder& coder) { run(coder); });
  }

 private:
  template <class Coder>
  void run(Coder& coder) {
    code_coarsest(coder);
    for (const GridPass& pass : passes_) code_pass(coder, pass);
  }

  /// While the host codes a pass, the device is at the next one's sums.
  void run_on(GridSession<T>& session, BulkEncoder& coder) {
    code_coarsest(coder);
    place_coarsest(session);
    std::unique_ptr<DevicePass<T>> next;
    if (!passes_.empty()) next = begin(session, passes_[0]);
    for (size_t k = 0; k < passes_.size(); k++) {
      const auto at = std::move(next);
      const GridPass& pass = passes_[k];
      const Quantiser quantiser = header_.quantiser(level_of(pass.half));
      PairOfWeights weights = learn_weights(at->predictor, at->finish(session), quantiser.bin);
      code_weights(coder, at->predictor, weights);
      session.begin_pass(pass, {at->stencil(weights[0]), at->stencil(weights[1])}, quantiser);
      if (k + 1 < passes_.size()) next = begin(session, passes_[k + 1]);
      code_codes_of(coder, at->predictor.rows(), session.finish_pass());
    }
    session.values(out_.values.data());
  }

  std::unique_ptr<DevicePass<T>> begin(GridSession<T>& session, const GridPass& pass) {
    return std::make_unique<DevicePass<T>>(session, shape_, pass, skip_, references_);
  }

  void place_coarsest(GridSession<T>& session) {
    const int64_t s = coarsest_stride(shape_);
    std::vector<uint32_t> points;
    std::vector<T> values;
    for (int64_t z = 0; z < shape_.dims[2]; z += s)
      for (int64_t y = 0; y < shape_.dims[1]; y += s)
        for (int64_t x = 0; x < shape_.dims[0]; x += s) {
          const size_t i = size_t(x) + size_t(y) * shape_.stride(1) + size_t(z) * shape_.stride(2);
          points.push_back(static_cast<uint32_t>(i));
          values.push_back(out_.values[i]);
        }
    session.place(points, values);
  }

  /// Codes [targets] of a pass, and the magnitudes that follow from them.
  void code_codes_of(BulkEncoder& coder, const PassRows& rows, const int32_t* codes) {
    const GridPass& pass = rows.pass();
    const auto step = static_cast<size_t>(pass.step[0]), length = static_cast<size_t>(pass.count[0]);
    Base::code_level(coder, pass.targets(), row_count(pass),
                     [&](auto& own, CodeModels& models, size_t first_row, size_t last_row) {
                       ContextSums contexts(rows, out_.magnitudes.data(), references_);
                       auto run = std::make_unique_for_overwrite<typename Base::Run>();
                       for (size_t row = first_row; row < last_row; row++) {
                         run->left = run->before = 0;
                         for (int64_t begin = 0; begin < pass.count[0];) {
                           const Segment at = segment_at(shape_, pass, begin, row, Base::Run::kMost);
                           const auto place = rows.place(at);
                           const size_t first = rows.index(place);
                           contexts.add_up(at, place, first_row, run->sums.data());
                           for (size_t i = 0; i < at.count; i++) {
                             run->code[i] = codes[row * length + static_cast<size_t>(begin) + i];
                             run->value[i] = source_[first + i * step];
                             if (skip_ != nullptr) run->skip[i] = skip_[first + i * step];
                           }
                           Base::code_codes(own, models, at.count, *run);
                           for (size_t i = 0; i < at.count; i++)
                             out_.magnitudes[first + i * step] = run->magnitude[i];
                           begin += static_cast<int64_t>(at.count);
                         }
                       }
                     });
  }

  template <class Coder>
  void code_coarsest(Coder& coder) {
    CodeModels models;
    const int64_t s = coarsest_stride(shape_);
    const Quantiser quantiser = header_.quantiser(level_of(s));
    const auto earlier = std::find_if(references_.begin(), references_.end(),
                                      [](const Reference& r) { return r.same_quantity; });
    T last{0};
    for (int64_t z = 0; z < shape_.dims[2]; z += s)
      for (int64_t y = 0; y < shape_.dims[1]; y += s)
        for (int64_t x = 0; x < shape_.dims[0]; x += s) {
          const size_t i = size_t(x) + size_t(y) * shape_.stride(1) + size_t(z) * shape_.stride(2);
          const T p = earlier != references_.end() ? static_cast<const T*>(earlier->data)[i] : last;
          Base::code_point(coder, models, 0, quantiser, source_, i, p);
          last = out_.values[i];
        }
  }

  template <class Coder>
  void code_pass(Coder& coder, const GridPass& pass) {
    const PassPredictor<T> predictor(shape_, pass, out_.values.data(), references_);
    const Quantiser quantiser = header_.quantiser(level_of(pass.half));
    PairOfWeights weights;
    if constexpr (!Coder::kDecoding)
      weights =
          learn_weights(predictor, learning_equations(predictor, learning_runs(shape_, pass), source_, skip_),
                        quantiser.bin);
    code_weights(coder, predictor, weights);
    Base::code_level(coder, pass.targets(), row_count(pass),
                     [&](auto& own, CodeModels& models, size_t first_row, size_t last_row) {
                       code_rows(own, models, predictor, quantiser, weights, first_row, last_row);
                     });
  }

  template <class Coder>
  void code_weights(Coder& coder, const PassPredictor<T>& predictor, PairOfWeights& weights) {
    const GridPass& pass = predictor.pass();
    for (const bool border : {false, true}) {
      if ((border ? border_targets(shape_, pass) : pass.targets() - border_targets(shape_, pass)) > 0)
        Base::code_weights(coder, size_t(border ? 3 : 0) + size_t(pass.axis), predictor.feature_count(),
                           predictor.default_weights(border), weights[border]);
      else
        weights[border] = predictor.default_weights(border);
    }
  }

  template <class Coder>
  void code_rows(Coder& coder, CodeModels& models, const PassPredictor<T>& predictor,
                 const Quantiser& quantiser, const PairOfWeights& weights, size_t first_row,
                 size_t last_row) {
    using Stencil = typename PassPredictor<T>::Stencil;
    const PassRows& rows = predictor.rows();
    const GridPass& pass = rows.pass();
    std::array<Stencil, 2> stencils{Stencil(predictor, &weights[0]), Stencil(predictor, &weights[1])};
    ContextSums contexts(rows, out_.magnitudes.data(), references_);
    auto run = std::make_unique_for_overwrite<typename Base::Run>();
    const auto step = static_cast<size_t>(pass.step[0]);
    for (size_t row = first_row; row < last_row; row++) {
      run->left = run->before = 0;  // contexts do not reach over the ends of rows
      for (int64_t begin = 0; begin < pass.count[0];) {
        const Segment at = segment_at(shape_, pass, begin, row, Base::Run::kMost);
        begin += static_cast<int64_t>(at.count);
        const auto place = rows.place(at);
        const size_t first = rows.index(place);
        stencils[is_border(shape_, pass, at)].predict(place, at.count, run->prediction.data());
        contexts.add_up(at, place, first_row, run->sums.data());
        if (skip_ != nullptr)
          for (size_t i = 0; i < at.count; i++) run->skip[i] = skip_[first + i * step];
        if constexpr (!Coder::kDecoding)
          for (size_t i = 0; i < at.count; i++)
            run->source[i] = skipped(first + i * step) ? run->prediction[i] : source_[first + i * step];
        Base::code_run(coder, models, quantiser, at.count, *run);
        for (size_t i = 0; i < at.count; i++) out_.values[first + i * step] = run->value[i];
        for (size_t i = 0; i < at.count; i++) out_.magnitudes[first + i * step] = run->magnitude[i];
      }
    }
  }

  const GridShape shape_;
  const std::vector<GridPass> passes_;
  const T* source_ = nullptr;  // encoding
};

}  // namespace

template <class T>
std::vector<uint8_t> encode_structured(const GridShape& shape, const T* values, const uint8_t* skip,
                                       double bound, std::span<const Reference> references,
                                       DecodedBlock<T>& decoded) {
  // Points are counted in 32 bits on a device.
  if (shape.size() < uint64_t{1} << 31) {
    try {
      if (const auto session = device_in_use().open(GridBlock<T>{shape, values, skip, references}))
        return StructuredCoder<T>(shape, skip, references, decoded).encode_on(*session, values, bound);
    } catch (const Error& error) {
      if (error.code != Code::no_memory) throw;
    }
  }
  return StructuredCoder<T>(shape, skip, references, decoded).encode(values, bound);
}

template <class T>
void decode_structured(const GridShape& shape, std::span<const uint8_t> bytes, const uint8_t* skip,
                       std::span<const Reference> references, DecodedBlock<T>& decoded) {
  StructuredCoder<T>(shape, skip, references, decoded).decode(bytes);
}

#define GAUSSITU_INSTANCES(T)                                                                         \
  template std::vector<uint8_t> encode_structured(const GridShape&, const T*, const uint8_t*, double, \
                                                  std::span<const Reference>, DecodedBlock<T>&);      \
  template void decode_structured(const GridShape&, std::span<const uint8_t>, const uint8_t*,         \
                                  std::span<const Reference>, DecodedBlock<T>&);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
