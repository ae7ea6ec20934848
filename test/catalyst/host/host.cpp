// A simulation for tests: builds a node tree as a script says, calls Catalyst with it, prints what came back
// as JSON lines. Compiled against our own Conduit functions and loader (under both prefixes), and against a
// real Catalyst when there is one.
//
//   buffer ID FILE MISALIGN         memory with the file's bytes, MISALIGN bytes past an alignment of 64
//   load ID FILE                    other bytes in the same memory
//   leaf PATH DTYPE ID COUNT OFFSET STRIDE BYTES little|big
//   wild PATH DTYPE ADDRESS COUNT STRIDE      an array at an address of the script's own
//   text PATH TEXT… | empty PATH | clear
//   initialize | execute | finalize | results | about      print {"status": …, "tree": …}
//   throw N                         the N-th reading call from now on throws (own Conduit only)
//   replay FOLDER STEPS             dumps instead of nodes (own Conduit only)
// In paths [i] is the i-th child of a list; %r, also in the name of the script, is the rank.
#ifdef HOST_REAL_CATALYST
#include <catalyst.h>

#include <catalyst_conduit.hpp>
#else
#include "own_catalyst.h"
#include "own_conduit.h"
#include "own_dump.hpp"
#include "own_node.hpp"
#endif
#ifdef HOST_MPI
#include <mpi.h>
#endif

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int64_t kTypeObject = 1, kTypeList = 2, kTypeInt8 = 3, kTypeFloat64 = 12, kTypeText = 13;

std::vector<char> bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Buffer {
  std::vector<char> memory;
  char* data = nullptr;
};

conduit_node* node_at(conduit_node* root, const std::string& path) {
  conduit_node* at = root;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part[0] != '[') {
      at = conduit_node_fetch(at, part.c_str());
      continue;
    }
    const int64_t i = std::stoll(part.substr(1));
    while (conduit_node_number_of_children(at) <= i) conduit_node_append(at);
    at = conduit_node_child(at, i);
  }
  return at;
}

void set_leaf(conduit_node* node, const std::string& dtype, void* data, int64_t count, int64_t offset,
              int64_t stride, int64_t bytes, bool big) {
  const int64_t end = big ? 1 : 2;
#define LEAF(tag, name, type)                                                                             \
  if (dtype == tag)                                                                                       \
    return conduit_node_set_external_##name##_ptr_detailed(node, static_cast<type*>(data), count, offset, \
                                                           stride, bytes, end);
#ifdef HOST_MANGLED
#undef LEAF
#define LEAF(tag, name, type)                                                                              \
  if (dtype == tag)                                                                                        \
    return catalyst_conduit_node_set_external_##name##_ptr_detailed(node, static_cast<type*>(data), count, \
                                                                    offset, stride, bytes, end);
#endif
#ifdef HOST_REAL_CATALYST
#undef LEAF
#define LEAF(tag, name, type)                                                                              \
  if (dtype == tag)                                                                                        \
    return catalyst_conduit_node_set_external_##name##_ptr_detailed(node, static_cast<type*>(data), count, \
                                                                    offset, stride, bytes, end);
#endif
  LEAF("i8", int8, int8_t)
  LEAF("i16", int16, int16_t)
  LEAF("i32", int32, int32_t)
  LEAF("i64", int64, int64_t)
  LEAF("u8", uint8, uint8_t)
  LEAF("u16", uint16, uint16_t)
  LEAF("u32", uint32, uint32_t)
  LEAF("u64", uint64, uint64_t)
  LEAF("f32", float32, float)
  LEAF("f64", float64, double)
  throw std::runtime_error("no dtype " + dtype);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string json(conduit_node* node) {
  const auto* dtype = conduit_node_dtype(node);
  const int64_t id = conduit_datatype_id(dtype);
  if (id == kTypeObject || id == kTypeList) {
    std::string out = "{";
    for (int64_t i = 0; i < conduit_node_number_of_children(node); ++i) {
      conduit_node* child = conduit_node_child(node, i);
      const std::unique_ptr<char, void (*)(void*)> name(conduit_node_name(child), std::free);
      out += (i ? ", " : "") + quoted(*name ? name.get() : std::to_string(i)) + ": " + json(child);
    }
    return out + "}";
  }
  const auto* data = static_cast<const char*>(conduit_node_data_ptr(node)) + conduit_datatype_offset(dtype);
  if (id == kTypeText) return quoted(data);
  if (id == kTypeInt8 + 3) return std::to_string(*reinterpret_cast<const int64_t*>(data));
  if (id == kTypeInt8 + 2) return std::to_string(*reinterpret_cast<const int32_t*>(data));
  if (id == kTypeFloat64) return std::to_string(*reinterpret_cast<const double*>(data));
  return "null";
}

class Host {
 public:
  ~Host() { conduit_node_destroy(root_); }

  void run(const std::string& line) {
    std::istringstream in(line);
    std::string command, path, dtype, id, order;
    in >> command;
    if (command == "buffer") {
      size_t misalign = 0;
      in >> id >> path >> misalign;
      const auto bytes = bytes_of(path);
      auto& buffer = buffers_[id];
      buffer.memory.resize(bytes.size() + 128);
      const auto address = reinterpret_cast<uintptr_t>(buffer.memory.data());
      buffer.data = buffer.memory.data() + (64 - address % 64) + misalign;
      std::memcpy(buffer.data, bytes.data(), bytes.size());
    } else if (command == "load") {
      in >> id >> path;
      const auto bytes = bytes_of(path);
      std::memcpy(buffers_.at(id).data, bytes.data(), bytes.size());
    } else if (command == "leaf") {
      int64_t count = 0, offset = 0, stride = 0, bytes = 0;
      in >> path >> dtype >> id >> count >> offset >> stride >> bytes >> order;
      set_leaf(node_at(root_, path), dtype, buffers_.at(id).data, count, offset, stride, bytes,
               order == "big");
    } else if (command == "wild") {
      uint64_t address = 0;
      int64_t count = 0, stride = 0;
      in >> path >> dtype >> std::hex >> address >> std::dec >> count >> stride;
      set_leaf(node_at(root_, path), dtype, reinterpret_cast<void*>(address), count, 0, stride,
               std::stoll(dtype.substr(1)) / 8, false);
    } else if (command == "text") {
      in >> path >> std::ws;
      std::string text;
      std::getline(in, text);
      conduit_node_set_char8_str(node_at(root_, path), text.c_str());
    } else if (command == "empty") {
      in >> path;
      node_at(root_, path);
    } else if (command == "clear") {
      conduit_node_destroy(root_);
      root_ = conduit_node_create();
    } else {
      call(command, in);
    }
  }

 private:
  void call(const std::string& command, std::istream& in) {
    int status = -1;
    std::string tree = "null";
    if (command == "initialize") {
      status = catalyst_initialize(root_);
    } else if (command == "execute") {
      status = catalyst_execute(root_);
    } else if (command == "finalize") {
      status = catalyst_finalize(root_);
    } else if (command == "results" || command == "about") {
      conduit_node* out = conduit_node_create();
      status = command == "about" ? catalyst_about(out) : catalyst_results(out);
      tree = json(out);
      conduit_node_destroy(out);
#ifndef HOST_REAL_CATALYST
    } else if (command == "throw") {
      in >> host_throw_after;
      return;
    } else if (command == "replay") {
      std::string folder;
      int steps = 0;
      in >> folder >> steps;
      status = play(folder + "/initialize", catalyst_initialize);
      for (int i = 0; i < steps && status == 0; ++i)
        status = play(folder + "/execute_invc" + std::to_string(i), catalyst_execute);
      if (status == 0) status = play(folder + "/finalize", catalyst_finalize);
#endif
    } else {
      throw std::runtime_error("no command " + command);
    }
#ifndef HOST_REAL_CATALYST
    host_throw_after = -1;
#endif
    std::cout << "{\"status\": " << status << ", \"tree\": " << tree << "}" << std::endl;
    (void)in;
  }

#ifndef HOST_REAL_CATALYST
  static int play(const std::string& stem, int (*function)(const conduit_node*)) {
    conduit_node* node = read_node(stem + "_params.host_dump.1.0");
    const int status = function(node);
    conduit_node_destroy(node);
    return status;
  }
#endif

  std::map<std::string, Buffer> buffers_;
  conduit_node* root_ = conduit_node_create();
};

std::string rank_of_launcher() {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return rank ? rank : "0";
}

std::string with_rank(std::string text, const std::string& rank) {
  for (size_t at; (at = text.find("%r")) != std::string::npos;) text.replace(at, 2, rank);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef HOST_MPI
  const bool mpi = std::getenv("HOST_USE_MPI") != nullptr;
  if (mpi) MPI_Init(&argc, &argv);
#endif
  const std::string rank = rank_of_launcher();
#ifdef HOST_MPI
  if (mpi) unsetenv("OMPI_COMM_WORLD_RANK");  // so that only MPI itself knows
#endif
  int code = 0;
  try {
    Host host;
    std::ifstream file;
    if (argc > 1) file.open(with_rank(argv[1], rank));
    std::istream& in = argc > 1 ? file : std::cin;
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) host.run(with_rank(line, rank));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "host: %s\n", error.what());
    code = 70;
  }
#ifdef HOST_MPI
  if (mpi) MPI_Finalize();
#endif
  return code;
}
