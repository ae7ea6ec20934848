/* The part of Conduit's C interface that the host and the adapter use, over a node tree of the host's own.
 * With HOST_MANGLED the functions carry the prefix of the Conduit that Catalyst brings along. */
#ifndef HOST_OWN_CONDUIT_H
#define HOST_OWN_CONDUIT_H
#include <stdint.h>

#ifdef HOST_MANGLED
#define conduit_node_create catalyst_conduit_node_create
#define conduit_node_destroy catalyst_conduit_node_destroy
#define conduit_node_fetch catalyst_conduit_node_fetch
#define conduit_node_fetch_existing catalyst_conduit_node_fetch_existing
#define conduit_node_append catalyst_conduit_node_append
#define conduit_node_child catalyst_conduit_node_child
#define conduit_node_number_of_children catalyst_conduit_node_number_of_children
#define conduit_node_name catalyst_conduit_node_name
#define conduit_node_has_path catalyst_conduit_node_has_path
#define conduit_node_dtype catalyst_conduit_node_dtype
#define conduit_node_data_ptr catalyst_conduit_node_data_ptr
#define conduit_node_set_char8_str catalyst_conduit_node_set_char8_str
#define conduit_node_set_path_char8_str catalyst_conduit_node_set_path_char8_str
#define conduit_node_set_path_int64 catalyst_conduit_node_set_path_int64
#define conduit_node_set_path_float64 catalyst_conduit_node_set_path_float64
#define conduit_node_set_external_int8_ptr_detailed catalyst_conduit_node_set_external_int8_ptr_detailed
#define conduit_node_set_external_int16_ptr_detailed catalyst_conduit_node_set_external_int16_ptr_detailed
#define conduit_node_set_external_int32_ptr_detailed catalyst_conduit_node_set_external_int32_ptr_detailed
#define conduit_node_set_external_int64_ptr_detailed catalyst_conduit_node_set_external_int64_ptr_detailed
#define conduit_node_set_external_uint8_ptr_detailed catalyst_conduit_node_set_external_uint8_ptr_detailed
#define conduit_node_set_external_uint16_ptr_detailed catalyst_conduit_node_set_external_uint16_ptr_detailed
#define conduit_node_set_external_uint32_ptr_detailed catalyst_conduit_node_set_external_uint32_ptr_detailed
#define conduit_node_set_external_uint64_ptr_detailed catalyst_conduit_node_set_external_uint64_ptr_detailed
#define conduit_node_set_external_float32_ptr_detailed catalyst_conduit_node_set_external_float32_ptr_detailed
#define conduit_node_set_external_float64_ptr_detailed catalyst_conduit_node_set_external_float64_ptr_detailed
#define conduit_datatype_id catalyst_conduit_datatype_id
#define conduit_datatype_number_of_elements catalyst_conduit_datatype_number_of_elements
#define conduit_datatype_offset catalyst_conduit_datatype_offset
#define conduit_datatype_stride catalyst_conduit_datatype_stride
#define conduit_datatype_element_bytes catalyst_conduit_datatype_element_bytes
#define conduit_datatype_endianness catalyst_conduit_datatype_endianness
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct conduit_node_impl conduit_node;
typedef struct conduit_datatype_impl conduit_datatype;
typedef int64_t conduit_index_t;

conduit_node* conduit_node_create(void);
void conduit_node_destroy(conduit_node* node);
conduit_node* conduit_node_fetch(conduit_node* node, const char* path);
conduit_node* conduit_node_fetch_existing(conduit_node* node, const char* path);
conduit_node* conduit_node_append(conduit_node* node);
conduit_node* conduit_node_child(conduit_node* node, conduit_index_t i);
conduit_index_t conduit_node_number_of_children(conduit_node* node);
char* conduit_node_name(const conduit_node* node);
int conduit_node_has_path(const conduit_node* node, const char* path);
const conduit_datatype* conduit_node_dtype(const conduit_node* node);
void* conduit_node_data_ptr(conduit_node* node);
void conduit_node_set_char8_str(conduit_node* node, const char* text);
void conduit_node_set_path_char8_str(conduit_node* node, const char* path, const char* text);
void conduit_node_set_path_int64(conduit_node* node, const char* path, int64_t value);
void conduit_node_set_path_float64(conduit_node* node, const char* path, double value);
#define EXTERNAL(name, type)                                                                                 \
  void conduit_node_set_external_##name##_ptr_detailed(                                                      \
      conduit_node* node, type* data, conduit_index_t count, conduit_index_t offset, conduit_index_t stride, \
      conduit_index_t element_bytes, conduit_index_t endianness);
#define EXTERNALS            \
  EXTERNAL(int8, int8_t)     \
  EXTERNAL(int16, int16_t)   \
  EXTERNAL(int32, int32_t)   \
  EXTERNAL(int64, int64_t)   \
  EXTERNAL(uint8, uint8_t)   \
  EXTERNAL(uint16, uint16_t) \
  EXTERNAL(uint32, uint32_t) \
  EXTERNAL(uint64, uint64_t) \
  EXTERNAL(float32, float)   \
  EXTERNAL(float64, double)
#ifdef HOST_MANGLED
#undef EXTERNAL
#define EXTERNAL(name, type)                                                                                 \
  void catalyst_conduit_node_set_external_##name##_ptr_detailed(                                             \
      conduit_node* node, type* data, conduit_index_t count, conduit_index_t offset, conduit_index_t stride, \
      conduit_index_t element_bytes, conduit_index_t endianness);
#endif
EXTERNALS
#undef EXTERNAL
conduit_index_t conduit_datatype_id(const conduit_datatype* dtype);
conduit_index_t conduit_datatype_number_of_elements(const conduit_datatype* dtype);
conduit_index_t conduit_datatype_offset(const conduit_datatype* dtype);
conduit_index_t conduit_datatype_stride(const conduit_datatype* dtype);
conduit_index_t conduit_datatype_element_bytes(const conduit_datatype* dtype);
conduit_index_t conduit_datatype_endianness(const conduit_datatype* dtype);

#ifdef __cplusplus
}
#endif
#endif
