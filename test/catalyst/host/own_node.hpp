#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "own_conduit.h"

// Conduit's type numbers, and its number for little-endian.
constexpr int64_t kEmpty = 0, kObject = 1, kList = 2, kInt8 = 3, kFloat32 = 11, kFloat64 = 12, kText = 13;
constexpr int64_t kLittle = 2;

struct conduit_datatype_impl {
  int64_t id = kEmpty, count = 0, offset = 0, stride = 0, bytes = 0, endianness = 0;
};

struct conduit_node_impl {
  std::string name;
  conduit_datatype_impl dtype;
  void* data = nullptr;
  std::vector<uint8_t> own;
  std::vector<std::unique_ptr<conduit_node_impl>> children;

  conduit_node_impl* child(const std::string& name_wanted) const;
  conduit_node_impl* add(const std::string& child_name, int64_t as);
};

/// Calls of the reading functions until one throws; -1: none.
extern int host_throw_after;
