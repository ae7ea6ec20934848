// One node of the simulation's tree, read only. Conduit throws when a path or a type is not what was asked
// for; here everything is asked first.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "array.hpp"
#include "conduit_api.hpp"

namespace gaussitu::catalyst {

class Node {
 public:
  Node() = default;
  explicit Node(const conduit_node* node);

  explicit operator bool() const { return node_ != nullptr; }
  /// The node at a path like "state/time"; a false one when there is none.
  Node at(const char* path) const;
  /// Objects and lists.
  bool is_branch() const;
  std::vector<Node> children() const;
  /// Its name in its parent; empty in a list.
  const std::string& name() const { return name_; }
  /// Where it is, for sentences: "channels/grid/data/fields/u".
  const std::string& path() const { return path_; }

  bool is_text() const;
  bool is_number() const;
  /// The string, as far as its length says; nothing when it is none.
  std::optional<std::string> text() const;
  /// The string at `path`; refuses when it is missing or no string.
  std::string need_text(const char* path) const;
  /// The first value, any number type; nothing when it is no number, or not readable.
  std::optional<int64_t> integer() const;
  std::optional<double> real() const;

  /// The array of a leaf. Refuses what is no array of numbers, or not readable.
  ArrayView array() const;
  /// The array at `path`, which must be there.
  ArrayView need_array(const char* path) const;

 private:
  Node(conduit_node* node, std::string name, std::string path)
      : node_(node), name_(std::move(name)), path_(std::move(path)) {}
  int64_t type() const;

  conduit_node* node_ = nullptr;
  std::string name_, path_;
};

}  // namespace gaussitu::catalyst
