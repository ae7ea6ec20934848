// Raw steps on local disk, in the folder convention that `gaussitu replay` reads (docs/data.md): one folder
// per mesh block, a meta.json that lists only whole steps, one little-endian file per field and step.
#pragma once
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>

#include "options.hpp"
#include "step.hpp"

namespace gaussitu::client {

/// Called from the simulation's thread (write, commit, abandon) and from the sender (remove). Not fsynced: it
/// outlives the process, not a power cut. Throws E_DISK.
class Spill {
 public:
  explicit Spill(const Options& options);

  /// Writes one array of a step and lets go of its memory, if any.
  void write(const Step& step, FieldData& field, const void* data);
  /// Lists the step, all of whose arrays are written, in the meta.json files.
  void commit(Step& step);
  /// Deletes what was written of a step.
  void abandon(const Step& step);
  /// The step is durable elsewhere: deletes its files, and folders that become empty.
  void remove(const Step& step);
  const std::string& folder() const { return root_; }

 private:
  struct Folder {
    MeshPtr mesh;
    gaussitu_association association;
    gaussitu_dtype dtype;
    std::map<std::string, int32_t> fields;  // components of each
    std::map<int64_t, double> times;
    bool geometry = false;  // coordinates and connectivity are written
  };
  std::string path_of(const FieldData& field);
  void write_meta(const std::string& path, Folder& folder);

  std::string root_;
  std::string run_;
  std::mutex mutex_;
  std::map<std::string, Folder> folders_;
};

}  // namespace gaussitu::client
