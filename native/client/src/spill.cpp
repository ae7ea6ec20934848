#include "spill.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "status.hpp"

namespace gaussitu::client {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void failed(const std::string& path, const std::string& why) {
  throw Failure(GAUSSITU_E_DISK,
                "spill to " + path + ": " + why + " (free the disk, or set GAUSSITU_SPILL_DIR)");
}

void write_file(const std::string& path, const void* data, uint64_t size) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) failed(path, std::strerror(errno));
  const auto* at = static_cast<const char*>(data);
  int error = 0;
  while (size > 0 && error == 0) {
    const ssize_t n = ::write(fd, at, std::min<uint64_t>(size, uint64_t{1} << 30));
    if (n > 0) {
      at += n;
      size -= static_cast<uint64_t>(n);
    } else if (errno != EINTR) {
      error = n == 0 ? ENOSPC : errno;
    }
  }
  if (close(fd) != 0 && error == 0) error = errno;
  if (error) {
    unlink(path.c_str());
    failed(path, std::strerror(error));
  }
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

template <class Items, class Write>
std::string list(const Items& items, Write write) {
  std::ostringstream out;
  out.precision(17);
  out << "[";
  const char* comma = "";
  for (const auto& item : items) {
    out << comma;
    write(out, item);
    comma = ", ";
  }
  out << "]";
  return out.str();
}

template <class Numbers>
std::string numbers(const Numbers& values) {
  return list(values, [](auto& out, const auto& v) { out << v; });
}

const char* numpy_name(gaussitu_dtype dtype) {
  static constexpr const char* names[] = {"<f4", "<f8", "|i1", "|u1", "<i2",
                                          "<u2", "<i4", "<u4", "<i8", "<u8"};
  return names[dtype];
}

void write_file(const std::string& path, const MeshArray& array) {
  write_file(path, array.bytes->data(), array.bytes->size());
}

/// The convention has no axes: a rectilinear grid is written with the coordinates of every node.
template <class Real>
std::vector<Real> node_coordinates(const Mesh& mesh) {
  const auto axis = [&](size_t i) { return static_cast<const Real*>(mesh.arrays[i].bytes->data()); };
  const auto& n = mesh.grid.dims;
  std::vector<Real> points;
  points.reserve(static_cast<size_t>(mesh.nodes) * 3);
  for (int64_t k = 0; k < n[2]; ++k)
    for (int64_t j = 0; j < n[1]; ++j)
      for (int64_t i = 0; i < n[0]; ++i) points.insert(points.end(), {axis(0)[i], axis(1)[j], axis(2)[k]});
  return points;
}

void write_geometry(const std::string& folder, const Mesh& mesh) {
  const std::string coords = folder + "/coords.bin";
  if (mesh.kind == MeshKind::uniform) return;
  if (mesh.kind != MeshKind::rectilinear) {
    write_file(coords, mesh.arrays[0]);
  } else if (mesh.arrays[0].dtype == GAUSSITU_F64) {
    const auto points = node_coordinates<double>(mesh);
    write_file(coords, points.data(), points.size() * sizeof(double));
  } else {
    const auto points = node_coordinates<float>(mesh);
    write_file(coords, points.data(), points.size() * sizeof(float));
  }
  if (mesh.kind != MeshKind::unstructured) return;
  write_file(folder + "/connectivity.bin", mesh.arrays[1]);
  write_file(folder + "/offsets.bin", mesh.arrays[2]);
  write_file(folder + "/cell_types.u8", mesh.arrays[3]);
}

std::string file_name(const std::string& field, size_t index, gaussitu_dtype dtype) {
  char number[32];
  std::snprintf(number, sizeof number, "_%03zu.", index);
  return field + number + dtype_name(dtype);
}

std::string rank_folder(int64_t rank) {
  char text[32];
  std::snprintf(text, sizeof text, "rank_%04lld", static_cast<long long>(rank));
  return text;
}

}  // namespace

Spill::Spill(const Options& options)
    : root_(options.spill_dir + "/" + options.run + "/" + rank_folder(options.rank)), run_(options.run) {}

std::string Spill::path_of(const FieldData& f) {
  std::string path = root_ + "/" + f.mesh->name + "_" + std::to_string(f.mesh->block);
  // The convention has one dtype and association per folder: others get their own.
  if (f.association == GAUSSITU_CELL) path += "_cell";
  if (f.dtype != GAUSSITU_F32) path += std::string("_") + dtype_name(f.dtype);
  // So has the mesh: a mesh that was replaced in the run gets another folder.
  std::string versioned = path;
  for (int version = 2; folders_.count(versioned) && folders_[versioned].mesh != f.mesh; ++version)
    versioned = path + "_v" + std::to_string(version);
  return versioned;
}

void Spill::write(FieldData& field, const void* data) {
  std::lock_guard lock(mutex_);
  const std::string path = path_of(field);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) failed(path, error.message());
  Folder& folder = folders_[path];
  folder.mesh = field.mesh;
  folder.association = field.association;
  folder.dtype = field.dtype;
  folder.writing = true;
  if (!folder.geometry) write_geometry(path, *field.mesh);
  folder.geometry = true;
  const std::string file = path + "/" + file_name(field.name, folder.entries.size(), field.dtype);
  write_file(file, data, field.array.size);
  folder.fields[field.name] = field.components;
  field.array.file = file;
  field.array.memory.reset();
}

void Spill::commit(Step& step) {
  std::lock_guard lock(mutex_);
  std::set<std::string> changed;
  for (const auto& field : step.fields) changed.insert(path_of(field));
  for (const auto& path : changed) {
    Folder& folder = folders_.at(path);
    folder.entries.emplace_back(step.step, step.time);
    folder.waiting.insert(step.step);
    folder.writing = false;
    write_meta(path, folder);
  }
  step.spilled = true;
}

void Spill::abandon(const Step& step) {
  std::lock_guard lock(mutex_);
  for (const auto& field : step.fields)
    if (!field.array.file.empty()) unlink(field.array.file.c_str());
  for (auto& [path, folder] : folders_) {
    if (!folder.writing) continue;
    folder.writing = false;
    if (folder.waiting.empty()) clean(path, folder);
  }
}

void Spill::remove(const Step& step) {
  std::lock_guard lock(mutex_);
  for (auto& [path, folder] : folders_)
    if (folder.waiting.erase(step.step) && folder.waiting.empty() && !folder.writing) clean(path, folder);
}

void Spill::clean(const std::string& path, Folder& folder) {
  for (size_t index = 0; index < folder.entries.size(); ++index)
    for (const auto& [name, components] : folder.fields)
      unlink((path + "/" + file_name(name, index, folder.dtype)).c_str());
  for (const char* name : {"meta.json", "coords.bin", "connectivity.bin", "offsets.bin", "cell_types.u8"})
    unlink((path + "/" + name).c_str());
  folder.entries.clear();
  folder.geometry = false;
  // Only empty folders can be removed, so a stranger's files are safe.
  for (fs::path p = path; rmdir(p.c_str()) == 0 && p != fs::path(root_).parent_path(); p = p.parent_path())
    continue;
}

void Spill::write_meta(const std::string& path, const Folder& folder) {
  const Mesh& mesh = *folder.mesh;
  std::ostringstream out;
  out << "{\n \"case\": " << quoted(run_) << ",\n \"kind\": \"" << kind_name(mesh.kind) << "\",\n";
  out << " \"mesh\": " << quoted(mesh.name) << ",\n \"block\": " << mesh.block << ",\n";
  if (mesh.is_grid()) {
    out << " \"dims\": " << numbers(mesh.grid.dims) << ",\n \"order\": \"x fastest\",\n";
    out << " \"ghost\": " << numbers(mesh.grid.ghost) << ",\n \"start\": " << numbers(mesh.grid.start)
        << ",\n";
    out << " \"global\": " << numbers(mesh.grid.global_dims) << ",\n";
  }
  if (mesh.kind == MeshKind::uniform) {
    out << " \"spacing\": " << numbers(mesh.spacing) << ",\n \"origin\": " << numbers(mesh.origin) << ",\n";
  } else {
    out << " \"coords_file\": \"coords.bin\",\n \"coords_dtype\": \"" << numpy_name(mesh.arrays[0].dtype)
        << "\",\n";
  }
  if (mesh.kind == MeshKind::unstructured) {
    out << " \"connectivity_file\": \"connectivity.bin\",\n \"offsets_file\": \"offsets.bin\",\n";
    out << " \"connectivity_dtype\": \"" << numpy_name(mesh.arrays[1].dtype) << "\",\n";
    out << " \"cell_types_file\": \"cell_types.u8\",\n";
  }
  out << " \"dtype\": \"" << numpy_name(folder.dtype) << "\",\n";
  out << " \"association\": \"" << (folder.association == GAUSSITU_CELL ? "cell" : "node") << "\",\n";
  out << " \"fields\": " << list(folder.fields, [](auto& o, const auto& f) { o << quoted(f.first); })
      << ",\n";
  out << " \"components\": {";
  const char* comma = "";
  for (const auto& [name, components] : folder.fields) {
    out << comma << quoted(name) << ": " << components;
    comma = ", ";
  }
  out << "},\n \"file_pattern\": \"<field>_<step:03d>." << dtype_name(folder.dtype) << "\",\n";
  out << " \"steps\": " << folder.entries.size() << ",\n";
  out << " \"step_numbers\": " << list(folder.entries, [](auto& o, const auto& t) { o << t.first; }) << ",\n";
  out << " \"times\": " << list(folder.entries, [](auto& o, const auto& t) { o << t.second; }) << "\n}\n";
  const std::string text = out.str(), temporary = path + "/meta.json.part";
  write_file(temporary, text.data(), text.size());
  if (std::rename(temporary.c_str(), (path + "/meta.json").c_str()) != 0) failed(path, std::strerror(errno));
}

}  // namespace gaussitu::client
