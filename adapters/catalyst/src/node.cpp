#include "node.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "memory.hpp"
#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

// Conduit's type numbers.
constexpr int64_t kEmpty = 0, kObject = 1, kList = 2, kInt8 = 3, kFloat64 = 12, kText = 13;
constexpr int64_t kBigEndian = 1;
// By type number from kInt8 on.
constexpr gaussitu_dtype kDtypes[] = {GAUSSITU_I8,  GAUSSITU_I16, GAUSSITU_I32, GAUSSITU_I64, GAUSSITU_U8,
                                      GAUSSITU_U16, GAUSSITU_U32, GAUSSITU_U64, GAUSSITU_F32, GAUSSITU_F64};
constexpr int64_t kMaxCount = int64_t{1} << 40;
constexpr int64_t kMaxText = 64 * 1024;

}  // namespace

Node::Node(const conduit_node* node) : node_(const_cast<conduit_node*>(node)) {}

int64_t Node::type() const {
  return node_ ? conduit()->datatype_id(conduit()->node_dtype(node_)) : kEmpty;
}

bool Node::is_branch() const {
  const int64_t id = type();
  return id == kObject || id == kList;
}

bool Node::is_text() const {
  return type() == kText;
}

bool Node::is_number() const {
  const int64_t id = type();
  return id >= kInt8 && id <= kFloat64;
}

Node Node::at(const char* path) const {
  if (!is_branch() || !conduit()->node_has_path(node_, path)) return {};
  const char* last = std::strrchr(path, '/');
  return {conduit()->node_fetch_existing(node_, path), last ? last + 1 : path,
          path_.empty() ? path : path_ + "/" + path};
}

std::vector<Node> Node::children() const {
  std::vector<Node> out;
  if (!is_branch()) return out;
  const int64_t count = conduit()->node_number_of_children(node_);
  for (int64_t i = 0; i < count; ++i) {
    conduit_node* child = conduit()->node_child(node_, i);
    if (!child) continue;
    const std::unique_ptr<char, void (*)(void*)> name(conduit()->node_name(child), std::free);
    const std::string text = name ? name.get() : "";
    out.push_back(Node(child, text, path_ + "/" + (text.empty() ? std::to_string(i) : text)));
  }
  return out;
}

std::optional<std::string> Node::text() const {
  if (!is_text()) return std::nullopt;
  const auto* dtype = conduit()->node_dtype(node_);
  const int64_t length = std::min(conduit()->datatype_number_of_elements(dtype), kMaxText);
  const auto* data = static_cast<const char*>(conduit()->node_data_ptr(node_));
  if (length <= 0) return std::string();
  data += conduit()->datatype_offset(dtype);
  if (place_of(data, static_cast<size_t>(length)) != Place::host) return std::nullopt;
  return std::string(data, strnlen(data, static_cast<size_t>(length)));
}

std::string Node::need_text(const char* path) const {
  const Node node = at(path);
  const auto found = node.text();
  if (!found)
    refuse(path_ + ": expected a string " + path + ", " +
           (node ? "received something else" : "it is missing"));
  return *found;
}

std::optional<int64_t> Node::integer() const {
  if (!is_number()) return std::nullopt;
  const ArrayView view = array();
  if (view.count < 1) return std::nullopt;
  if (!is_float(view.dtype)) return integer_at(view, 0);
  const double value = real_at(view, 0);
  if (!(value >= -9e15 && value <= 9e15) || value != static_cast<double>(static_cast<int64_t>(value)))
    return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<double> Node::real() const {
  if (!is_number()) return std::nullopt;
  const ArrayView view = array();
  return view.count < 1 ? std::nullopt : std::optional(real_at(view, 0));
}

ArrayView Node::array() const {
  if (!is_number()) refuse(path_ + ": expected an array of numbers, received something else");
  const auto* dtype = conduit()->node_dtype(node_);
  ArrayView view;
  view.dtype = kDtypes[conduit()->datatype_id(dtype) - kInt8];
  view.count = conduit()->datatype_number_of_elements(dtype);
  view.stride = conduit()->datatype_stride(dtype);
  const int64_t size = conduit()->datatype_element_bytes(dtype), offset = conduit()->datatype_offset(dtype);
  if (size != dtype_bytes(view.dtype))
    refuse(path_ + ": expected values of " + std::to_string(dtype_bytes(view.dtype)) + " bytes, received " +
           std::to_string(size));
  if (view.count < 0 || view.count > kMaxCount)
    refuse(path_ + ": expected 0 to 2^40 values, received " + std::to_string(view.count));
  view.swap = size > 1 && conduit()->datatype_endianness(dtype) == kBigEndian;
  view.first = static_cast<const uint8_t*>(conduit()->node_data_ptr(node_)) + offset;
  make_readable(view, path_);
  return view;
}

ArrayView Node::need_array(const char* path) const {
  const Node node = at(path);
  if (!node) refuse(path_ + ": expected an array " + path + ", it is missing");
  return node.array();
}

}  // namespace gaussitu::catalyst
