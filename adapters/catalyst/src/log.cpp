#include "log.hpp"

namespace gaussitu::catalyst {
namespace {

// A simulation that names its fields after the step must not fill our memory.
constexpr size_t kMaxRemembered = 1000;

}  // namespace

Log::~Log() {
  if (owned_) std::fclose(file_);
}

void Log::open(const std::string& path, int rank) {
  rank_ = rank;
  if (path.empty()) return;
  if (path == "stderr") {
    file_ = stderr;
    return;
  }
  file_ = std::fopen(path.c_str(), "ae");
  owned_ = file_ != nullptr;
}

void Log::line(const std::string& text) {
  last_ = text;
  write(text);
}

void Log::once(const std::string& text) {
  if (said_.size() < kMaxRemembered && said_.insert(text).second) line(text);
}

void Log::write(const std::string& text) {
  if (!file_) return;
  std::fprintf(file_, "gaussitu[%d]: %s\n", rank_, text.c_str());
  std::fflush(file_);
}

}  // namespace gaussitu::catalyst
