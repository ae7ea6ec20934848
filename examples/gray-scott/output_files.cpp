// Raw output: HDF5, one file per rank and step as many codes do it, and bare arrays.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <type_traits>

#include "output.hpp"

#ifdef HAVE_HDF5
#include <hdf5.h>
#endif

namespace {

#ifdef HAVE_HDF5
template <class Real>
class Hdf5Sink : public Sink<Real> {
 public:
  Hdf5Sink(const Settings& settings, int rank, const Slab& slab)
      : out_(settings.out), rank_(rank), slab_(slab) {
    std::error_code ignored;  // H5Fcreate tells when the folder is not there
    std::filesystem::create_directories(out_, ignored);
  }

  bool put(int64_t step, double, const Real* u, const Real* v) override {
    const std::string path =
        out_ + "/gray-scott_" + std::to_string(step) + "_" + std::to_string(rank_) + ".h5";
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    bool good = file >= 0 && write(file, "u", u) && write(file, "v", v);
    if (file >= 0) good = H5Fclose(file) >= 0 && good;
    if (!good) std::fprintf(stderr, "gray-scott: cannot write %s\n", path.c_str());
    return good;
  }

 private:
  bool write(hid_t file, const char* name, const Real* values) const {
    const hid_t type = std::is_same_v<Real, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
    const hsize_t nodes[3] = {hsize_t(slab_.z_count), hsize_t(slab_.n[1]), hsize_t(slab_.n[0])};
    const hsize_t all[3] = {nodes[0] + 2, nodes[1] + 2, nodes[2] + 2};
    const hsize_t first[3] = {1, 1, 1};
    const hid_t disk = H5Screate_simple(3, nodes, nullptr);
    const hid_t memory = H5Screate_simple(3, all, nullptr);
    H5Sselect_hyperslab(memory, H5S_SELECT_SET, first, nullptr, nodes, nullptr);
    const hid_t set = H5Dcreate2(file, name, type, disk, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const bool good = set >= 0 && H5Dwrite(set, type, memory, disk, H5P_DEFAULT, values) >= 0;
    if (set >= 0) H5Dclose(set);
    H5Sclose(memory);
    H5Sclose(disk);
    return good;
  }
  std::string out_;
  int rank_;
  Slab slab_;
};
#endif

template <class Real>
class RawSink : public Sink<Real> {
 public:
  RawSink(const Settings& settings, const Slab& slab) : folder_(settings.raw), slab_(slab) {
    std::error_code ignored;
    std::filesystem::create_directories(folder_, ignored);
  }

  bool put(int64_t step, double time, const Real* u, const Real* v) override {
    times_ += (times_.empty() ? "" : ", ") + std::to_string(time);
    ++steps_;
    return write("u", step, u) && write("v", step, v) && write_meta();
  }

 private:
  static constexpr const char* kSuffix = std::is_same_v<Real, float> ? "f32" : "f64";

  bool write(const char* field, int64_t step, const Real* values) const {
    char name[64];
    std::snprintf(name, sizeof name, "/%s_%03lld.%s", field, static_cast<long long>(step), kSuffix);
    const std::string path = folder_ + name;
    std::FILE* file = std::fopen(path.c_str(), "wb");
    bool good = file != nullptr;
    for (int64_t z = 0; good && z < slab_.z_count; ++z)
      for (int64_t y = 0; good && y < slab_.n[1]; ++y)
        good = std::fwrite(values + slab_.at(0, y, z), sizeof(Real), slab_.n[0], file) == size_t(slab_.n[0]);
    if (file) good = std::fclose(file) == 0 && good;
    if (!good) std::fprintf(stderr, "gray-scott: cannot write %s: %s\n", path.c_str(), std::strerror(errno));
    return good;
  }

  bool write_meta() const {
    std::FILE* file = std::fopen((folder_ + "/meta.json").c_str(), "w");
    if (!file) return false;
    std::fprintf(
        file,
        "{\n \"case\": \"gray-scott\",\n \"kind\": \"uniform grid\",\n \"dims\": [%lld, %lld, %lld],\n"
        " \"order\": \"x fastest\",\n \"spacing\": [1, 1, 1],\n \"origin\": [0, 0, 0],\n \"dtype\": "
        "\"<%s\",\n"
        " \"fields\": [\"u\", \"v\"],\n \"file_pattern\": \"<field>_<step:03d>.%s\",\n \"steps\": %d,\n"
        " \"times\": [%s],\n \"association\": \"node\"\n}\n",
        static_cast<long long>(slab_.n[0]), static_cast<long long>(slab_.n[1]),
        static_cast<long long>(slab_.n[2]), sizeof(Real) == 4 ? "f4" : "f8", kSuffix, steps_, times_.c_str());
    return std::fclose(file) == 0;
  }

  std::string folder_, times_;
  int steps_ = 0;
  Slab slab_;
};

}  // namespace

template <class Real>
std::unique_ptr<Sink<Real>> make_hdf5_sink([[maybe_unused]] const Settings& settings,
                                           [[maybe_unused]] const Ranks& ranks,
                                           [[maybe_unused]] const Slab& slab) {
#ifdef HAVE_HDF5
  return std::make_unique<Hdf5Sink<Real>>(settings, ranks.rank, slab);
#else
  std::fputs("gray-scott: this build has no HDF5 (apt install libhdf5-dev, build again)\n", stderr);
  return nullptr;
#endif
}
template <class Real>
std::unique_ptr<Sink<Real>> make_raw_sink(const Settings& settings, const Slab& slab) {
  return std::make_unique<RawSink<Real>>(settings, slab);
}
template std::unique_ptr<Sink<float>> make_hdf5_sink(const Settings&, const Ranks&, const Slab&);
template std::unique_ptr<Sink<double>> make_hdf5_sink(const Settings&, const Ranks&, const Slab&);
template std::unique_ptr<Sink<float>> make_raw_sink(const Settings&, const Slab&);
template std::unique_ptr<Sink<double>> make_raw_sink(const Settings&, const Slab&);
