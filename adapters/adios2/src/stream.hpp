// The engine without ADIOS2: blocks, values and steps of one rank become calls of native/client. Nothing here
// throws but for wrong settings, and with Strict for variables that cannot be taken.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "block.hpp"
#include "gaussitu.hpp"
#include "settings.hpp"

namespace gaussitu::adios2_adapter {

class Stream {
 public:
  /// Does not wait for the service. Throws std::invalid_argument for settings that make no sense.
  Stream(const Settings& settings, int rank, int ranks);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void begin_step();  // nothing when one is open
  /// Performs what was deferred first; nothing when no step is open.
  void end_step();
  /// Copies at once, or, `deferred`, when perform_puts or end_step is called: until then the data must stay.
  /// Blocks without values are left out.
  void put(const Block& block, bool deferred);
  void perform_puts();
  void number(const std::string& name, double value);
  void numbers(const std::string& name, const std::vector<double>& values);
  void text(const std::string& name, const std::string& value);
  /// A variable that cannot be taken: said once per name, or thrown with Strict.
  void refuse(const std::string& name, const std::string& why);
  /// Ends an open step, then waits until everything is durable, at most CloseSeconds. Once.
  void close();

  size_t current_step() const { return step_ < 0 ? 0 : static_cast<size_t>(step_); }
  bool in_step() const { return in_step_; }
  /// True once per name: each attribute goes with the first step that sees it.
  bool first_sight(const std::string& attribute) { return attributes_.insert(attribute).second; }
  /// How a value that each rank has of its own is called.
  std::string local_name(const std::string& value) const { return value + "@" + std::to_string(rank_); }

 private:
  struct Grid {
    std::string mesh;
    std::vector<Box> boxes;  // of this rank; block number: rank * kBlocksPerRank + index
  };
  void send(const Block& block);
  int64_t block_number(Grid& grid, const Box& box);
  Grid& grid_of(const Block& block, const Box& box);
  void check(int status, const std::string& what);
  void say(int level, const std::string& sentence) const;

  const Settings settings_;
  const int rank_;
  Client client_;
  std::map<std::string, Grid> grids_;
  std::vector<Block> deferred_;
  std::set<std::string> refused_, warned_, attributes_;
  int64_t step_ = -1;
  bool in_step_ = false, closed_ = false;
};

}  // namespace gaussitu::adios2_adapter
