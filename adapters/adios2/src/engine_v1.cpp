// The engine plugin for ADIOS2 2.10 and 2.11, whose plugins derive from the library's own Engine. ADIOS2
// opens it for <engine type="plugin"> with PluginLibrary gaussitu_adios2.
#include <adios2/engine/plugin/PluginEngineInterface.h>

#include <memory>
#include <stdexcept>

#include "adios2/core/Attribute.h"
#include "adios2/core/Operator.h"
#include "adios2/core/Variable.h"
#include "host_version.hpp"
#include "record_values.hpp"
#include "stream.hpp"

namespace gaussitu::adios2_adapter {
namespace {

/// Client order: x, the axis that is contiguous in memory, comes first.
std::vector<uint64_t> x_first(const adios2::Dims& dims, bool row_major) {
  if (row_major) return {dims.rbegin(), dims.rend()};
  return {dims.begin(), dims.end()};
}

class Engine final : public adios2::plugin::PluginEngineInterface {
 public:
  Engine(adios2::core::IO& io, const std::string& name, adios2::Mode mode, adios2::helper::Comm comm)
      : PluginEngineInterface(io, name, mode, std::move(comm)),
        row_major_(io.m_ArrayOrder != adios2::ArrayOrdering::ColumnMajor) {
    if (mode != adios2::Mode::Write)
      throw std::invalid_argument(
          "gaussitu: this engine only writes (Mode::Write); read a run with gaussitu decode, or turn it into "
          "a "
          "BP file with gaussitu export --format bp");
    stream_ =
        std::make_unique<Stream>(read_settings(io.m_Parameters, io.m_Name), m_Comm.Rank(), m_Comm.Size());
  }

  adios2::StepStatus BeginStep(adios2::StepMode, const float) override {
    stream_->begin_step();
    return adios2::StepStatus::OK;
  }
  size_t CurrentStep() const override { return stream_->current_step(); }
  void PerformPuts() override { stream_->perform_puts(); }
  void EndStep() override {
    record_attributes();
    stream_->end_step();
  }

 protected:
#define GAUSSITU_PUT(T)                                                      \
  void DoPutSync(adios2::core::Variable<T>& v, const T* data) override {     \
    put(v, data, false);                                                     \
  }                                                                          \
  void DoPutDeferred(adios2::core::Variable<T>& v, const T* data) override { \
    put(v, data, true);                                                      \
  }
  ADIOS2_FOREACH_STDTYPE_1ARG(GAUSSITU_PUT)
#undef GAUSSITU_PUT

  void DoPutStructSync(adios2::core::VariableStruct& v, const void*) override {
    stream_->refuse(v.m_Name, "structs are not supported; write their members as variables");
  }
  void DoPutStructDeferred(adios2::core::VariableStruct& v, const void* data) override {
    DoPutStructSync(v, data);
  }

  void DoClose(const int) override {
    if (stream_->in_step()) EndStep();
    stream_->close();
  }

 private:
  template <class T>
  void put(adios2::core::Variable<T>& v, const T* data, bool deferred) {
    if (v.m_SingleValue) {
      const bool local = v.m_ShapeID == adios2::ShapeID::LocalValue;
      record_values(*stream_, local ? stream_->local_name(v.m_Name) : v.m_Name, data, 1);
      return;
    }
    if constexpr (Taken<T>::value) {
      stream_->put(describe(v, data), deferred);
    } else {
      stream_->refuse(v.m_Name, "its type " + adios2::ToString(v.m_Type) + " is not supported; use double");
    }
  }

  template <class T>
  Block describe(const adios2::core::Variable<T>& v, const T* data) const {
    Block b;
    b.name = v.m_Name;
    b.dtype = Taken<T>::dtype;
    b.components = Taken<T>::components;
    b.global = v.m_ShapeID == adios2::ShapeID::GlobalArray;
    b.shape = x_first(v.m_Shape, row_major_);
    b.start = x_first(v.m_Start.empty() ? adios2::Dims(v.m_Count.size(), 0) : v.m_Start, row_major_);
    b.count = x_first(v.m_Count, row_major_);
    b.memory_start = x_first(v.m_MemoryStart, row_major_);
    b.memory_count = x_first(v.m_MemoryCount, row_major_);
    b.data = data;
    for (const auto& operation : v.m_Operations) {
      const auto target =
          operation_target(operation->m_TypeString, operation->GetParameters(), sizeof(T) / b.components);
      if (target.kind != GAUSSITU_TARGET_NONE) b.target = target;
    }
    return b;
  }

  /// Each attribute goes with the first step that sees it, as @name.
  void record_attributes() {
    for (const auto& [name, attribute] : m_IO.GetAttributes()) {
      if (!stream_->first_sight(name)) continue;
#define GAUSSITU_ATTRIBUTE(T)                                                                       \
  if (attribute->m_Type == adios2::helper::GetDataType<T>()) {                                      \
    const auto& typed = static_cast<const adios2::core::Attribute<T>&>(*attribute);                 \
    record_values(*stream_, "@" + name,                                                             \
                  attribute->m_IsSingleValue ? &typed.m_DataSingleValue : typed.m_DataArray.data(), \
                  attribute->m_IsSingleValue ? 1 : typed.m_DataArray.size());                       \
  }
      ADIOS2_FOREACH_ATTRIBUTE_STDTYPE_1ARG(GAUSSITU_ATTRIBUTE)
#undef GAUSSITU_ATTRIBUTE
    }
  }

  const bool row_major_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace
}  // namespace gaussitu::adios2_adapter

extern "C" {

__attribute__((visibility("default"))) adios2::plugin::PluginEngineInterface* EngineCreate(
    adios2::core::IO& io, const std::string& name, const adios2::Mode mode, adios2::helper::Comm comm) {
  gaussitu::adios2_adapter::check_host_version(ADIOS2_VERSION_MAJOR, ADIOS2_VERSION_MINOR);
  return new gaussitu::adios2_adapter::Engine(io, name, mode, std::move(comm));
}

__attribute__((visibility("default"))) void EngineDestroy(adios2::plugin::PluginEngineInterface* engine) {
  delete engine;
}
}
