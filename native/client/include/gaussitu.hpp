// Gaussitu client, C++ face (header only, C++11): RAII over gaussitu.h, nothing more. Functions return the
// statuses of the C interface and never throw; only the constructor of Client can fail to open, which `ok()`
// tells, and then every other call does nothing.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

#include "gaussitu.h"

namespace gaussitu {

template <class T>
struct DtypeOf;
#define GAUSSITU_DTYPE_OF(type, dtype) \
  template <>                          \
  struct DtypeOf<type> : std::integral_constant<gaussitu_dtype, dtype> {}
GAUSSITU_DTYPE_OF(float, GAUSSITU_F32);
GAUSSITU_DTYPE_OF(double, GAUSSITU_F64);
GAUSSITU_DTYPE_OF(int8_t, GAUSSITU_I8);
GAUSSITU_DTYPE_OF(uint8_t, GAUSSITU_U8);
GAUSSITU_DTYPE_OF(int16_t, GAUSSITU_I16);
GAUSSITU_DTYPE_OF(uint16_t, GAUSSITU_U16);
GAUSSITU_DTYPE_OF(int32_t, GAUSSITU_I32);
GAUSSITU_DTYPE_OF(uint32_t, GAUSSITU_U32);
GAUSSITU_DTYPE_OF(int64_t, GAUSSITU_I64);
GAUSSITU_DTYPE_OF(uint64_t, GAUSSITU_U64);
#undef GAUSSITU_DTYPE_OF

/// gaussitu_options with its defaults.
struct Options : gaussitu_options {
  Options() { gaussitu_options_init(this); }
};

/// gaussitu_field with its defaults.
struct Field : gaussitu_field {
  Field() { gaussitu_field_init(this); }
};

class Client {
 public:
  explicit Client(const gaussitu_options& options, double close_seconds = 60)
      : close_seconds_(close_seconds) {
    if (gaussitu_open(&options, &handle_) != GAUSSITU_OK) error_ = gaussitu_last_error(nullptr);
  }
  ~Client() { close(close_seconds_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool ok() const { return handle_ != nullptr; }
  std::string error() const { return handle_ ? gaussitu_last_error(handle_) : error_.c_str(); }
  gaussitu_client* handle() const { return handle_; }

  int define_uniform(const char* mesh, int64_t block, const gaussitu_grid& grid,
                     const std::array<double, 3>& origin, const std::array<double, 3>& spacing) {
    return gaussitu_define_uniform(handle_, mesh, block, &grid, origin.data(), spacing.data());
  }
  template <class T>
  int define_rectilinear(const char* mesh, int64_t block, const gaussitu_grid& grid, const T* x, const T* y,
                         const T* z) {
    return gaussitu_define_rectilinear(handle_, mesh, block, &grid, DtypeOf<T>::value, x, y, z);
  }
  template <class T>
  int define_curvilinear(const char* mesh, int64_t block, const gaussitu_grid& grid, const T* points) {
    return gaussitu_define_curvilinear(handle_, mesh, block, &grid, DtypeOf<T>::value, points);
  }
  template <class T, class Index>
  int define_unstructured(const char* mesh, int64_t block, int64_t nodes, const T* points, int64_t cells,
                          int64_t connectivity_count, const Index* connectivity, const Index* offsets,
                          const uint8_t* types) {
    return gaussitu_define_unstructured(handle_, mesh, block, nodes, DtypeOf<T>::value, points, cells,
                                        DtypeOf<Index>::value, connectivity_count, connectivity, offsets,
                                        types);
  }
  template <class T>
  int define_points(const char* mesh, int64_t block, int64_t nodes, const T* points) {
    return gaussitu_define_points(handle_, mesh, block, nodes, DtypeOf<T>::value, points);
  }

  int begin_step(int64_t step, double time) { return gaussitu_begin_step(handle_, step, time); }
  /// `values`: [count, components], copied.
  template <class T>
  int put(const char* name, const char* mesh, int64_t block, const T* values, int64_t count,
          gaussitu_association association = GAUSSITU_NODE, int32_t components = 1,
          const char* units = nullptr) {
    const Field field = of<T>(name, mesh, block, count, association, components, units);
    return gaussitu_put_field(handle_, &field, values);
  }
  /// The same of an array on a CUDA card, which must not change until end_step().
  template <class T>
  int put_device(const char* name, const char* mesh, int64_t block, const T* values, int64_t count,
                 void* stream = nullptr, gaussitu_association association = GAUSSITU_NODE,
                 int32_t components = 1, const char* units = nullptr) {
    const Field field = of<T>(name, mesh, block, count, association, components, units);
    return gaussitu_put_field_device(handle_, &field, values, stream);
  }
  int set_time(double time) { return gaussitu_set_time(handle_, time); }
  int put_number(const char* name, double value) { return gaussitu_put_numbers(handle_, name, &value, 1); }
  int put_text(const char* name, const char* text) { return gaussitu_put_text(handle_, name, text); }
  int end_step() { return gaussitu_end_step(handle_); }

  int wait_connected(double seconds) { return gaussitu_wait_connected(handle_, seconds); }
  int flush(double seconds) { return gaussitu_flush(handle_, seconds); }
  gaussitu_status status() const {
    gaussitu_status status{};
    status.size = sizeof status;
    gaussitu_get_status(handle_, &status);
    return status;
  }
  /// As gaussitu_close; error() then tells its report. Done by the destructor when left out.
  int close(double seconds) {
    if (!handle_) return GAUSSITU_E_STATE;
    const int status = gaussitu_close(handle_, seconds);
    handle_ = nullptr;
    error_ = gaussitu_last_error(nullptr);
    return status;
  }

 private:
  template <class T>
  static Field of(const char* name, const char* mesh, int64_t block, int64_t count,
                  gaussitu_association association, int32_t components, const char* units) {
    Field field;
    field.name = name;
    field.mesh = mesh;
    field.block = block;
    field.association = association;
    field.dtype = DtypeOf<T>::value;
    field.count = count;
    field.components = components;
    field.units = units;
    return field;
  }
  gaussitu_client* handle_ = nullptr;
  double close_seconds_;
  std::string error_;
};

}  // namespace gaussitu
