#include <algorithm>

#include "device_array.hpp"
#include "grid.hpp"
#include "grid_kernels.cuh"
#include "residual/segments.hpp"

namespace gaussitu::cuda {

namespace {

constexpr size_t kMostTaps = 512, kMostFeatures = 128, kMostSamples = size_t{1} << 17;

unsigned blocks_of(size_t threads) {
  return static_cast<unsigned>((threads + kGridThreads - 1) / kGridThreads);
}

/// Targets of a pass, at most: every other point.
size_t most_targets(const GridShape& shape) {
  return shape.size() / 2;
}

/// Features of a pass, at most (features.cpp).
size_t most_features(size_t references) {
  return 6 + 7 * references;
}

template <class T>
class GridOnCard final : public GridSession<T> {
 public:
  GridOnCard(const GridBlock<T>& block, Supplies& supplies, std::unique_ptr<MemoryBudget::Reservation> held)
      : shape_(block.shape),
        held_(std::move(held)),
        lease_(supplies.stream()),
        stream_(*lease_),
        memory_(supplies.pool(), stream_, held_->bytes()),
        codes_on_host_(stream_.pinned<int32_t>(most_targets(shape_))) {
    const size_t n = shape_.size();
    source_.upload(stream_, block.values, n);
    if (block.skip != nullptr) skip_.upload(stream_, block.skip, n);
    values_.resize(n);
    check(cudaMemsetAsync(values_.data(), 0, n * sizeof(T), stream_), "clearing device memory");
    for (const Reference& r : block.references)
      references_.emplace_back(std::make_unique<DeviceArray<T>>(memory_))
          ->upload(stream_, static_cast<const T*>(r.data), n);
    codes_.resize(most_targets(shape_));
    for (auto& s : stencils_) {
      s.taps.resize(kMostTaps);
      s.features.resize(kMostFeatures);
    }
  }

  void place(std::span<const uint32_t> points, std::span<const T> values) override {
    points_.upload(stream_, points.data(), points.size());
    placed_.upload(stream_, values.data(), values.size());
    launch(place_values<T>, blocks_of(points.size()), kGridThreads, 0, stream_, points_.data(),
           placed_.data(), static_cast<unsigned>(points.size()), values_.data());
  }

  void begin_sums(const GridPass& pass, const GridStencil<T>& stencil,
                  std::span<const std::vector<uint32_t>> lists) override {
    starts_on_host_.assign(1, 0);
    points_on_host_.clear();
    for (const auto& list : lists) {
      points_on_host_.insert(points_on_host_.end(), list.begin(), list.end());
      starts_on_host_.push_back(static_cast<uint32_t>(points_on_host_.size()));
    }
    m_ = static_cast<unsigned>(stencil.features.size() + 1);
    const auto samples = static_cast<unsigned>(points_on_host_.size());
    points_.upload(stream_, points_on_host_.data(), samples);
    starts_.upload(stream_, starts_on_host_.data(), starts_on_host_.size());
    rows_.resize(size_t{m_} * samples);
    sums_.resize(lists.size() * m_ * m_);
    const auto all = upload(stencils_[2], stencil);
    if (samples > 0)
      launch(sample_features<T>, blocks_of(samples), kGridThreads,
             shared_bytes<T>(all.tap_count, all.feature_count), stream_, view(pass), all, source_.data(),
             points_.data(), samples, rows_.data());
    launch(add_products, dim3(blocks_of(size_t{m_} * m_), static_cast<unsigned>(lists.size())), kGridThreads,
           m_ * kPitch * sizeof(double), stream_, rows_.data(), m_, samples, starts_.data(), sums_.data());
    check(cudaGetLastError(), "adding up products");
  }

  std::vector<std::vector<double>> finish_sums() override {
    const std::vector<double> all = sums_.download(stream_);
    std::vector<std::vector<double>> out;
    const auto each = static_cast<std::ptrdiff_t>(size_t{m_} * m_);
    for (auto at = all.begin(); at != all.end(); at += each) out.emplace_back(at, at + each);
    return out;
  }

  void begin_pass(const GridPass& pass, const GridStencil<T> (&stencils)[2],
                  const Quantiser& quantiser) override {
    const auto inner = upload(stencils_[0], stencils[0]), border = upload(stencils_[1], stencils[1]);
    const size_t targets = pass.targets();
    launch(quantise_pass<T>, blocks_of(targets), kGridThreads,
           shared_bytes<T>(inner.tap_count + border.tap_count, inner.feature_count + border.feature_count),
           stream_, view(pass), inner, border, source_.data(), skip_.data(), quantiser, 1 / quantiser.bin,
           values_.data(), codes_.data());
    check(cudaGetLastError(), "quantising a pass");
    check(cudaMemcpyAsync(codes_on_host_, codes_.data(), targets * sizeof(int32_t), cudaMemcpyDeviceToHost,
                          stream_),
          "copying codes from the device");
    coded_.record(stream_);
  }

  const int32_t* finish_pass() override {
    coded_.wait();
    return codes_on_host_;
  }

  void values(T* out) override { stream_.download(out, values_.data(), shape_.size() * sizeof(T)); }

 private:
  struct StencilRoom {
    explicit StencilRoom(Memory& memory) : taps(memory), features(memory) {}
    DeviceArray<GridTap<T>> taps;
    DeviceArray<RowFeature<T>> features;
  };

  GridStencilView<T> upload(StencilRoom& room, const GridStencil<T>& stencil) {
    if (stencil.taps.size() > kMostTaps || stencil.features.size() > kMostFeatures)
      throw Error(Code::no_memory, "Expected a smaller stencil on the device");
    std::vector<GridTap<T>> taps;
    for (const auto& t : stencil.taps)
      taps.push_back({t.array == 0 ? values_.data() : references_[t.array - 1]->data(),
                      {t.offset[0], t.offset[1], t.offset[2]},
                      {t.last[0], t.last[1], t.last[2]}});
    room.taps.upload(stream_, taps.data(), taps.size());
    room.features.upload(stream_, stencil.features.data(), stencil.features.size());
    return {room.taps.data(), room.features.data(), static_cast<unsigned>(taps.size()),
            static_cast<unsigned>(stencil.features.size()), stencil.array_count};
  }

  GridView view(const GridPass& pass) const {
    GridView g{};
    for (int k = 0; k < 3; k++) {
      const auto d = static_cast<size_t>(k);
      g.start[k] = static_cast<int>(pass.start[d]);
      g.step[k] = static_cast<int>(pass.step[d]);
      g.count[k] = static_cast<int>(pass.count[d]);
      g.stride[k] = static_cast<int>(shape_.stride(k));
      g.border[k] = k == pass.axis && has_border(shape_, pass) ? g.count[k] - 1 : -1;
    }
    return g;
  }

  const GridShape shape_;
  std::unique_ptr<MemoryBudget::Reservation> held_;
  Supplies::Lease lease_;  // outlives the arrays: they are given back in the order of its stream
  Stream& stream_;
  Memory memory_;
  int32_t* const codes_on_host_;
  DeviceArray<T> source_{memory_}, values_{memory_}, placed_{memory_};
  DeviceArray<uint8_t> skip_{memory_};
  std::vector<std::unique_ptr<DeviceArray<T>>> references_;
  DeviceArray<int32_t> codes_{memory_};
  StencilRoom stencils_[3]{StencilRoom(memory_), StencilRoom(memory_), StencilRoom(memory_)};
  DeviceArray<uint32_t> points_{memory_}, starts_{memory_};
  DeviceArray<double> rows_{memory_}, sums_{memory_};
  std::vector<uint32_t> points_on_host_, starts_on_host_;
  unsigned m_ = 0;
  Event coded_;
};

}  // namespace

template <class T>
size_t grid_bytes(const GridBlock<T>& block) {
  const size_t n = block.shape.size(), references = block.references.size(),
               m = most_features(references) + 1;
  const size_t samples = std::min(kMostSamples, n);
  return n * (sizeof(T) * (2 + references) + (block.skip != nullptr ? 1 : 0)) +
         most_targets(block.shape) * sizeof(int32_t) + samples * (m + 2) * sizeof(double) +
         16 * m * m * sizeof(double) +
         3 * (kMostTaps * sizeof(GridTap<T>) + kMostFeatures * sizeof(RowFeature<T>)) + n / 16 * sizeof(T) +
         (size_t{1} << 16);
}

template <class T>
std::unique_ptr<GridSession<T>> make_grid_session(const GridBlock<T>& block, Supplies& supplies,
                                                  std::unique_ptr<MemoryBudget::Reservation> memory) {
  return std::make_unique<GridOnCard<T>>(block, supplies, std::move(memory));
}

#define GAUSSITU_INSTANCES(T)                                                                \
  template size_t grid_bytes(const GridBlock<T>&);                                           \
  template std::unique_ptr<GridSession<T>> make_grid_session(const GridBlock<T>&, Supplies&, \
                                                             std::unique_ptr<MemoryBudget::Reservation>);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu::cuda
