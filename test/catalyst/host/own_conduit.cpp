// A node tree of our own behind Conduit's C functions. It behaves as the real one where the adapter could
// trip: missing paths and wrong types throw C++ exceptions through C functions, names are malloc'ed, arrays
// are external and lie however the script says.
#include "own_conduit.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "own_node.hpp"

int host_throw_after = -1;

namespace {

/// Lets the script make any call fail, as a broken tree or a lack of memory would.
void maybe_throw() {
  if (host_throw_after >= 0 && host_throw_after-- == 0)
    throw std::runtime_error("a Conduit error, as the script wants");
}

conduit_node_impl* find(const conduit_node_impl* node, const std::string& path) {
  auto* at = const_cast<conduit_node_impl*>(node);
  for (size_t begin = 0; at && begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    at = at->child(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

void set_external(conduit_node_impl* node, int64_t id, void* data, int64_t count, int64_t offset,
                  int64_t stride, int64_t bytes, int64_t endianness) {
  node->children.clear();
  node->dtype = {id, count, offset, stride, bytes, endianness};
  node->data = data;
}

void set_own(conduit_node_impl* node, int64_t id, const void* data, int64_t count, int64_t bytes) {
  node->own.assign(static_cast<const uint8_t*>(data), static_cast<const uint8_t*>(data) + count * bytes);
  set_external(node, id, node->own.data(), count, 0, bytes, bytes, kLittle);
}

}  // namespace

conduit_node_impl* conduit_node_impl::child(const std::string& name_wanted) const {
  if (dtype.id != kObject) return nullptr;
  for (const auto& c : children)
    if (c->name == name_wanted) return c.get();
  return nullptr;
}

conduit_node_impl* conduit_node_impl::add(const std::string& child_name, int64_t as) {
  if (dtype.id != as) {
    children.clear();
    dtype = {as, 0, 0, 0, 0, 0};
  }
  children.push_back(std::make_unique<conduit_node_impl>());
  children.back()->name = child_name;
  return children.back().get();
}

extern "C" {

conduit_node* conduit_node_create(void) {
  return new conduit_node_impl;
}
void conduit_node_destroy(conduit_node* node) {
  delete node;
}

conduit_node* conduit_node_fetch(conduit_node* node, const char* path) {
  const std::string text = path;
  auto* at = node;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    auto* next = at->child(name);
    at = next ? next : at->add(name, kObject);
    begin = end + 1;
  }
  return at;
}

conduit_node* conduit_node_fetch_existing(conduit_node* node, const char* path) {
  maybe_throw();
  auto* found = find(node, path);
  if (!found) throw std::runtime_error(std::string("fetch of a path that is not there: ") + path);
  return found;
}

conduit_node* conduit_node_append(conduit_node* node) {
  return node->add("", kList);
}

conduit_node* conduit_node_child(conduit_node* node, conduit_index_t i) {
  maybe_throw();
  return node->children.at(static_cast<size_t>(i)).get();
}

conduit_index_t conduit_node_number_of_children(conduit_node* node) {
  maybe_throw();
  return static_cast<conduit_index_t>(node->children.size());
}

char* conduit_node_name(const conduit_node* node) {
  maybe_throw();
  return strdup(node->name.c_str());
}

int conduit_node_has_path(const conduit_node* node, const char* path) {
  maybe_throw();
  return find(node, path) != nullptr;
}

const conduit_datatype* conduit_node_dtype(const conduit_node* node) {
  maybe_throw();
  return &node->dtype;
}

void* conduit_node_data_ptr(conduit_node* node) {
  maybe_throw();
  return node->data;
}

void conduit_node_set_char8_str(conduit_node* node, const char* text) {
  set_own(node, kText, text, static_cast<int64_t>(std::strlen(text)) + 1, 1);
}
void conduit_node_set_path_char8_str(conduit_node* node, const char* path, const char* text) {
  conduit_node_set_char8_str(conduit_node_fetch(node, path), text);
}
void conduit_node_set_path_int64(conduit_node* node, const char* path, int64_t value) {
  set_own(conduit_node_fetch(node, path), kInt8 + 3, &value, 1, 8);
}
void conduit_node_set_path_float64(conduit_node* node, const char* path, double value) {
  set_own(conduit_node_fetch(node, path), kFloat64, &value, 1, 8);
}

#define DEFINE(name, type, id)                                                                               \
  void conduit_node_set_external_##name##_ptr_detailed(                                                      \
      conduit_node* node, type* data, conduit_index_t count, conduit_index_t offset, conduit_index_t stride, \
      conduit_index_t bytes, conduit_index_t endianness) {                                                   \
    set_external(node, id, data, count, offset, stride, bytes, endianness);                                  \
  }
#ifdef HOST_MANGLED
#undef DEFINE
#define DEFINE(name, type, id)                                                                               \
  void catalyst_conduit_node_set_external_##name##_ptr_detailed(                                             \
      conduit_node* node, type* data, conduit_index_t count, conduit_index_t offset, conduit_index_t stride, \
      conduit_index_t bytes, conduit_index_t endianness) {                                                   \
    set_external(node, id, data, count, offset, stride, bytes, endianness);                                  \
  }
#endif
DEFINE(int8, int8_t, kInt8)
DEFINE(int16, int16_t, kInt8 + 1)
DEFINE(int32, int32_t, kInt8 + 2)
DEFINE(int64, int64_t, kInt8 + 3)
DEFINE(uint8, uint8_t, kInt8 + 4)
DEFINE(uint16, uint16_t, kInt8 + 5)
DEFINE(uint32, uint32_t, kInt8 + 6)
DEFINE(uint64, uint64_t, kInt8 + 7)
DEFINE(float32, float, kFloat32)
DEFINE(float64, double, kFloat64)

conduit_index_t conduit_datatype_id(const conduit_datatype* dtype) {
  return dtype->id;
}
conduit_index_t conduit_datatype_number_of_elements(const conduit_datatype* dtype) {
  return dtype->count;
}
conduit_index_t conduit_datatype_offset(const conduit_datatype* dtype) {
  return dtype->offset;
}
conduit_index_t conduit_datatype_stride(const conduit_datatype* dtype) {
  return dtype->stride;
}
conduit_index_t conduit_datatype_element_bytes(const conduit_datatype* dtype) {
  return dtype->bytes;
}
conduit_index_t conduit_datatype_endianness(const conduit_datatype* dtype) {
  return dtype->endianness;
}

}  // extern "C"
