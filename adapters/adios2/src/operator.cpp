// The operator plugin: a strict error bound for each block that any engine of ADIOS2 writes (BP5, SST),
// without a service. One source for both plugin interfaces: what it uses of them is the same.
#if __has_include(<adios2/plugin/PluginOperatorInterface.h>)
#include <adios2/plugin/PluginOperatorInterface.h>  // 2.12 and newer
#else
#include <adios2/operator/plugin/PluginOperatorInterface.h>
#endif

#include <adios2/common/ADIOSConfig.h>

#include <cstring>
#include <stdexcept>

#include "block_codec.hpp"
#include "host_version.hpp"
#include "operation.hpp"

namespace gaussitu::adios2_adapter {
namespace {

class Operator final : public adios2::plugin::PluginOperatorInterface {
 public:
  explicit Operator(const adios2::Params& parameters) : PluginOperatorInterface(parameters) {}

  size_t Operate(const char* data, const adios2::Dims&, const adios2::Dims& count,
                 const adios2::DataType type, char* out) override {
    if (data == nullptr)  // seen with BP5 of 2.10
      throw std::invalid_argument(
          "gaussitu operator: ADIOS2 handed over no data; an engine that does so with a memory selection "
          "(ghosted buffers) cannot run operators on it: copy the block, or use the gaussitu engine");
    const size_t value_bytes = type == adios2::DataType::Float ? 4 : 8;
    const std::vector<uint64_t> dims(count.rbegin(), count.rend());
    const auto bytes = encode_block(data, value_bytes, dims, bound());
    std::memcpy(out, bytes.data(), bytes.size());
    return bytes.size();
  }
  size_t InverseOperate(const char* data, const size_t size, char* out) override {
    return decode_block({reinterpret_cast<const uint8_t*>(data), size}, out);
  }
  bool IsDataTypeValid(const adios2::DataType type) const override {
    return type == adios2::DataType::Float || type == adios2::DataType::Double;
  }
  size_t GetEstimatedSize(const size_t values, const size_t value_bytes, const size_t,
                          const size_t*) const override {
    return largest_encoded(values, value_bytes);
  }

 private:
  BlockBound bound() const {
    const auto target = operation_target("gaussitu", {m_Parameters.begin(), m_Parameters.end()}, 8);
    if (target.kind != GAUSSITU_TARGET_ABS && target.kind != GAUSSITU_TARGET_REL)
      throw std::invalid_argument(
          "gaussitu operator: expected the parameter accuracy (field units) or rel (of the block's value "
          "range)");
    return {target.value, target.kind == GAUSSITU_TARGET_REL};
  }
};

}  // namespace
}  // namespace gaussitu::adios2_adapter

extern "C" {

__attribute__((visibility("default"))) adios2::plugin::PluginOperatorInterface* OperatorCreate(
    const adios2::Params& parameters) {
  gaussitu::adios2_adapter::check_host_version(ADIOS2_VERSION_MAJOR, ADIOS2_VERSION_MINOR);
  return new gaussitu::adios2_adapter::Operator(parameters);
}

__attribute__((visibility("default"))) void OperatorDestroy(adios2::plugin::PluginOperatorInterface* plugin) {
  delete plugin;
}
}
