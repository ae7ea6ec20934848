// Raw steps on local disk, in the folder convention that `gaussitu replay` reads (docs/data.md): one folder
// per mesh block, a meta.json that lists only whole steps, one little-endian file per field and step.
#pragma once
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "options.hpp"
#include "step.hpp"

namespace gaussitu::client {

/// Called from the simulation's thread (write, commit, abandon) and from the sender (remove). Not fsynced: it
/// outlives the process, not a power cut. Throws E_DISK.
class Spill {
 public:
  explicit Spill(const Options& options);

  /// Writes one array of the step under way and lets go of its memory, if any.
  void write(FieldData& field, const void* data);
  /// Lists the step, all of whose arrays are written, in the meta.json files.
  void commit(Step& step);
  /// Deletes what was written of a step that is not committed.
  void abandon(const Step& step);
  /// The step is durable elsewhere. A folder is deleted when all of its steps are: its files are numbered
  /// from 0 without gaps, as the convention wants, so single ones cannot go.
  void remove(const Step& step);
  const std::string& folder() const { return root_; }

 private:
  struct Folder {
    MeshPtr mesh;
    gaussitu_association association = GAUSSITU_NODE;
    gaussitu_dtype dtype = GAUSSITU_F32;
    std::map<std::string, int32_t> fields;            // components of each
    std::vector<std::pair<int64_t, double>> entries;  // step and time of file number 0, 1, …
    std::set<int64_t> waiting;                        // steps not known to be durable
    bool writing = false;                             // files of the next entry are under way
    bool geometry = false;                            // coordinates and connectivity are written
  };
  std::string path_of(const FieldData& field);
  void write_meta(const std::string& path, const Folder& folder);
  void clean(const std::string& path, Folder& folder);

  std::string root_;
  std::string run_;
  std::mutex mutex_;
  std::map<std::string, Folder> folders_;
};

}  // namespace gaussitu::client
