// What a person who looks for a fault wants to read. Silent unless asked for: a library inside a simulation
// prints nothing on its own.
#pragma once
#include <cstdio>
#include <set>
#include <string>

namespace gaussitu::catalyst {

class Log {
 public:
  /// `path`: a file to append to, "stderr", or empty (nowhere). `rank` begins every line.
  void open(const std::string& path, int rank);
  void line(const std::string& text);
  /// The same text again is not written again.
  void once(const std::string& text);
  /// The last line, whether written or not: catalyst_results has it.
  const std::string& last() const { return last_; }
  ~Log();

 private:
  void write(const std::string& text);

  std::FILE* file_ = nullptr;
  bool owned_ = false;
  int rank_ = 0;
  std::set<std::string> said_;
  std::string last_;
};

}  // namespace gaussitu::catalyst
