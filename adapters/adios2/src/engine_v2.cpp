// The engine plugin for ADIOS2 2.12 and newer, whose plugins see the public C++ interface only. What that
// does not show is refused rather than guessed: memory selections and the axis order of the host.
#include <adios2/plugin/PluginEngineInterface.h>

#include <memory>
#include <stdexcept>

#include "host_version.hpp"
#include "launcher.hpp"
#include "record_values.hpp"
#include "stream.hpp"

namespace gaussitu::adios2_adapter {
namespace {

class Engine final : public adios2::plugin::PluginEngineInterface {
 public:
  template <class... Comm>
  Engine(adios2::IO io, const std::string& name, adios2::Mode mode, Comm... comm)
      : PluginEngineInterface(io, name, mode, comm...) {
    if (mode != adios2::Mode::Write)
      throw std::invalid_argument("gaussitu: this engine only writes (Mode::Write)");
    const auto settings = read_settings(io.Parameters(), io.Name());
    if (!settings.whole_row_major)
      throw std::invalid_argument(
          "gaussitu: ADIOS2 2.12 does not tell a plugin of memory selections (ghosted buffers) and of "
          "Fortran's axis "
          "order. Say with the parameter WholeRowMajor=true that this program puts whole blocks from C or "
          "C++; else "
          "use ADIOS2 2.10 or 2.11");
    std::pair<int, int> where = launcher_rank();
#if ADIOS2_USE_MPI
    if (m_Comm != MPI_COMM_NULL) {
      MPI_Comm_rank(m_Comm, &where.first);
      MPI_Comm_size(m_Comm, &where.second);
    }
#endif
    stream_ = std::make_unique<Stream>(settings, where.first, where.second);
  }

  adios2::StepStatus BeginStep(adios2::StepMode, const float) override {
    stream_->begin_step();
    return adios2::StepStatus::OK;
  }
  size_t CurrentStep() const override {
    return stream_->current_step();
  }
  void PerformPuts() override {
    stream_->perform_puts();
  }
  void EndStep() override {
    record_attributes();
    stream_->end_step();
  }
  void DoClose(const int) override {
    if (stream_->in_step()) EndStep();
    stream_->close();
  }

#define GAUSSITU_PUT(T)                                               \
  void DoPutSync(adios2::Variable<T> v, const T* data) override {     \
    put(v, data, false);                                              \
  }                                                                   \
  void DoPutDeferred(adios2::Variable<T> v, const T* data) override { \
    put(v, data, true);                                               \
  }
  ADIOS2_FOREACH_STDTYPE_1ARG(GAUSSITU_PUT)
#undef GAUSSITU_PUT
#define GAUSSITU_SPAN(T)                                                                                     \
  void DoPut(adios2::Variable<T> v, typename adios2::Variable<T>::Span&, const bool, const T&) override {    \
    throw std::invalid_argument("gaussitu: variable " + v.Name() + ": Span is not supported, put an array"); \
  }
  ADIOS2_FOREACH_PRIMITIVE_STDTYPE_1ARG(GAUSSITU_SPAN)
#undef GAUSSITU_SPAN

 private:
  template <class T>
  void put(adios2::Variable<T>& v, const T* data, bool deferred) {
    const auto shape = v.ShapeID();
    if (shape == adios2::ShapeID::GlobalValue || shape == adios2::ShapeID::LocalValue) {
      const bool local = shape == adios2::ShapeID::LocalValue;
      record_values(*stream_, local ? stream_->local_name(v.Name()) : v.Name(), data, 1);
      return;
    }
    if constexpr (Taken<T>::value) {
      Block b;
      b.name = v.Name();
      b.dtype = Taken<T>::dtype;
      b.components = Taken<T>::components;
      b.global = shape == adios2::ShapeID::GlobalArray;
      const auto x_first = [](const adios2::Dims& dims) {
        return std::vector<uint64_t>(dims.rbegin(), dims.rend());
      };
      b.count = x_first(v.Count());
      b.shape = x_first(v.Shape());
      b.start = v.Start().empty() ? std::vector<uint64_t>(b.count.size(), 0) : x_first(v.Start());
      b.data = data;
      for (const auto& operation : v.Operations()) {
        const auto target =
            operation_target(operation.Type(), operation.Parameters(), sizeof(T) / b.components);
        if (target.kind != GAUSSITU_TARGET_NONE) b.target = target;
      }
      stream_->put(b, deferred);
    } else {
      stream_->refuse(v.Name(), "its type " + v.Type() + " is not supported; use double");
    }
  }

  void record_attributes() {
    for (const auto& [name, info] : m_IO.AvailableAttributes()) {
      if (!stream_->first_sight(name)) continue;
      const std::string type = m_IO.AttributeType(name);
#define GAUSSITU_ATTRIBUTE(T)                                          \
  if (type == adios2::GetType<T>()) {                                  \
    const auto values = m_IO.InquireAttribute<T>(name).Data();         \
    record_values(*stream_, "@" + name, values.data(), values.size()); \
  }
      ADIOS2_FOREACH_ATTRIBUTE_STDTYPE_1ARG(GAUSSITU_ATTRIBUTE)
#undef GAUSSITU_ATTRIBUTE
    }
  }

  std::unique_ptr<Stream> stream_;
};

}  // namespace
}  // namespace gaussitu::adios2_adapter

extern "C" {

__attribute__((visibility("default"))) adios2::plugin::PluginEngineInterface* EngineCreate(
    adios2::IO io, const std::string& name, const adios2::Mode mode
#if ADIOS2_USE_MPI
    ,
    MPI_Comm comm
#endif
) {
  gaussitu::adios2_adapter::check_host_version(ADIOS2_VERSION_MAJOR, ADIOS2_VERSION_MINOR);
#if ADIOS2_USE_MPI
  return new gaussitu::adios2_adapter::Engine(io, name, mode, comm);
#else
  return new gaussitu::adios2_adapter::Engine(io, name, mode);
#endif
}

__attribute__((visibility("default"))) void EngineDestroy(adios2::plugin::PluginEngineInterface* engine) {
  delete engine;
}
}
