// The Conduit C functions of the host process. Catalyst brings them along under the prefix catalyst_conduit_,
// or uses a Conduit of its own under conduit_; looked up by name, one binary of ours serves both.
#pragma once
#include <cstdint>

#include "catalyst_abi.hpp"

namespace gaussitu::catalyst {

// X(member, result, arguments): `member` is the name without its prefix.
#define GAUSSITU_CONDUIT_FUNCTIONS(X)                                         \
  X(node_has_path, int, (const conduit_node*, const char*))                   \
  X(node_fetch_existing, conduit_node*, (conduit_node*, const char*))         \
  X(node_number_of_children, int64_t, (conduit_node*))                        \
  X(node_child, conduit_node*, (conduit_node*, int64_t))                      \
  X(node_name, char*, (const conduit_node*))                                  \
  X(node_dtype, const conduit_datatype*, (const conduit_node*))               \
  X(node_data_ptr, void*, (conduit_node*))                                    \
  X(node_set_path_int64, void, (conduit_node*, const char*, int64_t))         \
  X(node_set_path_float64, void, (conduit_node*, const char*, double))        \
  X(node_set_path_char8_str, void, (conduit_node*, const char*, const char*)) \
  X(datatype_id, int64_t, (const conduit_datatype*))                          \
  X(datatype_number_of_elements, int64_t, (const conduit_datatype*))          \
  X(datatype_offset, int64_t, (const conduit_datatype*))                      \
  X(datatype_stride, int64_t, (const conduit_datatype*))                      \
  X(datatype_element_bytes, int64_t, (const conduit_datatype*))               \
  X(datatype_endianness, int64_t, (const conduit_datatype*))

struct ConduitApi {
#define X(member, result, arguments) result(*member) arguments = nullptr;
  GAUSSITU_CONDUIT_FUNCTIONS(X)
#undef X
  const char* prefix = nullptr;  // "catalyst_conduit_" or "conduit_"
};

/// All functions, or nullptr when the process has neither set, or one whose index has not 64 bits. Looked up
/// at the first call.
const ConduitApi* conduit();

/// A function of Catalyst's own library by name, e.g. catalyst_stub_execute; nullptr when there is none.
void* host_symbol(const char* name);

}  // namespace gaussitu::catalyst
