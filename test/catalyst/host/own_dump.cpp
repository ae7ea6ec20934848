#include "own_dump.hpp"

#include <fstream>
#include <stdexcept>

#include "own_node.hpp"

namespace {

void put(std::ostream& out, int64_t value) {
  out.write(reinterpret_cast<const char*>(&value), sizeof value);
}
int64_t get(std::istream& in) {
  int64_t value = 0;
  in.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

void write(std::ostream& out, const conduit_node_impl& node) {
  const auto& d = node.dtype;
  put(out, static_cast<int64_t>(node.name.size()));
  out << node.name;
  for (const int64_t v : {d.id, d.count, d.bytes, d.endianness, static_cast<int64_t>(node.children.size())})
    put(out, v);
  if (d.id >= kInt8)
    for (int64_t i = 0; i < d.count; ++i)
      out.write(static_cast<const char*>(node.data) + d.offset + i * d.stride, d.bytes);
  for (const auto& child : node.children) write(out, *child);
}

void read(std::istream& in, conduit_node_impl& node) {
  node.name.resize(static_cast<size_t>(get(in)));
  in.read(node.name.data(), static_cast<std::streamsize>(node.name.size()));
  auto& d = node.dtype;
  d.id = get(in);
  d.count = get(in);
  d.bytes = d.stride = get(in);
  d.endianness = get(in);
  const int64_t children = get(in);
  if (d.id >= kInt8) {
    node.own.resize(static_cast<size_t>(d.count * d.bytes));
    in.read(reinterpret_cast<char*>(node.own.data()), static_cast<std::streamsize>(node.own.size()));
    node.data = node.own.data();
  }
  for (int64_t i = 0; i < children; ++i) {
    node.children.push_back(std::make_unique<conduit_node_impl>());
    read(in, *node.children.back());
  }
}

}  // namespace

void write_node(const std::string& path, const conduit_node* node) {
  std::ofstream out(path, std::ios::binary);
  write(out, *node);
}

conduit_node* read_node(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("no dump " + path);
  auto node = std::make_unique<conduit_node_impl>();
  read(in, *node);
  return node.release();
}
