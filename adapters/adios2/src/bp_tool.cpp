// gaussitu-bp: BP files as plain bytes on pipes, so that gaussitu (Node) can read and write them without
// ADIOS2.
//   gaussitu-bp list FILE            what is in it: tab-separated lines, see list()
//   gaussitu-bp get FILE STEP NAME   one global array at one step: its bytes, row-major
//   gaussitu-bp put FILE             writes what comes on stdin, see put()
#include <adios2.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// Numbers that an archive keeps, by the names that gaussitu gives them.
#define GAUSSITU_BP_TYPES(MACRO) \
  MACRO(float, "f32")            \
  MACRO(double, "f64")           \
  MACRO(int8_t, "i8")            \
  MACRO(uint8_t, "u8")           \
  MACRO(int16_t, "i16")          \
  MACRO(uint16_t, "u16")         \
  MACRO(int32_t, "i32")          \
  MACRO(uint32_t, "u32")         \
  MACRO(int64_t, "i64")          \
  MACRO(uint64_t, "u64")

std::string joined(const adios2::Dims& dims) {
  std::string text;
  for (const size_t d : dims) text += (text.empty() ? "" : "x") + std::to_string(d);
  return text;
}

adios2::Dims dims_of(const std::string& text) {
  adios2::Dims dims;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, 'x');) dims.push_back(std::stoull(part));
  return dims;
}

/// To descriptor 3 where the caller opened one, else to stdout: libraries beneath MPI print there as they
/// like.
void answer(const void* data, size_t size) {
  const int to = fcntl(3, F_GETFD) >= 0 ? 3 : 1;
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = write(to, at, size);
    if (n < 0 && errno != EINTR)
      throw std::runtime_error(std::string("cannot write: ") + std::strerror(errno));
    if (n > 0) at += n, size -= static_cast<size_t>(n);
  }
}

template <class T>
bool at_step(adios2::Engine& engine, const adios2::Variable<T>& variable, size_t step, size_t& index) {
  const auto steps = engine.GetAbsoluteSteps(variable);
  const auto found = std::find(steps.begin(), steps.end(), step);
  index = static_cast<size_t>(found - steps.begin());
  return found != steps.end();
}

/// Lines: `steps N`; `array NAME DTYPE STEP DIMS` (slowest axis first) for each step that has it; `number
/// NAME STEP VALUE` for single values; `other NAME WHY` for what cannot be read.
void list(const std::string& file) {
  adios2::ADIOS adios;
  adios2::IO io = adios.DeclareIO("in");
  adios2::Engine engine = io.Open(file, adios2::Mode::ReadRandomAccess);
  std::ostringstream out;
  out.precision(std::numeric_limits<double>::max_digits10);
  out << "steps\t" << engine.Steps() << "\n";
  for (const auto& [name, info] : io.AvailableVariables()) {
    const std::string type = info.at("Type");
    bool known = false;
#define GAUSSITU_BP_LIST(T, dtype)                                                                         \
  if (type == adios2::GetType<T>()) {                                                                      \
    known = true;                                                                                          \
    auto variable = io.InquireVariable<T>(name);                                                           \
    const auto steps = engine.GetAbsoluteSteps(variable);                                                  \
    if (variable.ShapeID() == adios2::ShapeID::GlobalArray) {                                              \
      for (size_t i = 0; i < steps.size(); i++)                                                            \
        out << "array\t" << name << "\t" << dtype << "\t" << steps[i] << "\t" << joined(variable.Shape(i)) \
            << "\n";                                                                                       \
    } else if (variable.ShapeID() == adios2::ShapeID::GlobalValue) {                                       \
      for (size_t i = 0; i < steps.size(); i++) {                                                          \
        T value{};                                                                                         \
        variable.SetStepSelection({i, 1});                                                                 \
        engine.Get(variable, value, adios2::Mode::Sync);                                                   \
        out << "number\t" << name << "\t" << steps[i] << "\t" << +value << "\n";                           \
      }                                                                                                    \
    } else {                                                                                               \
      out << "other\t" << name << "\tis no global array or value\n";                                       \
    }                                                                                                      \
  }
    GAUSSITU_BP_TYPES(GAUSSITU_BP_LIST)
    if (!known) out << "other\t" << name << "\thas type " << type << "\n";
  }
  engine.Close();
  answer(out.str().data(), out.str().size());
}

void get(const std::string& file, size_t step, const std::string& name) {
  adios2::ADIOS adios;
  adios2::IO io = adios.DeclareIO("in");
  adios2::Engine engine = io.Open(file, adios2::Mode::ReadRandomAccess);
  const std::string type = io.VariableType(name);
  bool found = false;
#define GAUSSITU_BP_GET(T, dtype)                                    \
  if (type == adios2::GetType<T>()) {                                \
    auto variable = io.InquireVariable<T>(name);                     \
    size_t index = 0;                                                \
    if (at_step(engine, variable, step, index)) {                    \
      found = true;                                                  \
      variable.SetStepSelection({index, 1});                         \
      const adios2::Dims shape = variable.Shape(index);              \
      variable.SetSelection({adios2::Dims(shape.size(), 0), shape}); \
      std::vector<T> values;                                         \
      engine.Get(variable, values, adios2::Mode::Sync);              \
      answer(values.data(), sizeof(T) * values.size());              \
    }                                                                \
  }
  GAUSSITU_BP_TYPES(GAUSSITU_BP_GET)
  if (!found) throw std::runtime_error("no variable " + name + " at step " + std::to_string(step));
  engine.Close();
}

std::string bytes_of(size_t size) {
  std::string bytes(size, '\0');
  if (!std::cin.read(bytes.data(), static_cast<std::streamsize>(size)))
    throw std::runtime_error("the input ends in the middle of an array");
  return bytes;
}

template <class T>
void put_array(adios2::IO& io, adios2::Engine& engine, const std::string& name, const adios2::Dims& dims,
               const std::string& bytes) {
  size_t values = 1;
  for (const size_t d : dims) values *= d;
  if (values * sizeof(T) != bytes.size())
    throw std::runtime_error(name + ": expected " + std::to_string(values * sizeof(T)) + " bytes, received " +
                             std::to_string(bytes.size()));
  auto variable = io.InquireVariable<T>(name);
  const adios2::Dims none(dims.size(), 0);
  if (!variable) variable = io.DefineVariable<T>(name, dims, none, dims);
  variable.SetShape(dims);
  variable.SetSelection({none, dims});
  engine.Put(variable, reinterpret_cast<const T*>(bytes.data()), adios2::Mode::Sync);
}

template <class T>
void put_value(adios2::IO& io, adios2::Engine& engine, const std::string& name, const T& value) {
  if (name[0] == '@') {
    io.DefineAttribute<T>(name.substr(1), value, "", "/", true);
    return;
  }
  auto variable = io.InquireVariable<T>(name);
  if (!variable) variable = io.DefineVariable<T>(name);
  engine.Put(variable, value, adios2::Mode::Sync);
}

/// Lines, fields apart by tabs: `step`; `array NAME DTYPE DIMS BYTES` and then so many bytes; `number NAME
/// VALUE`; `text NAME BYTES` and then so many bytes. A name that begins with @ is an attribute. Ends with the
/// input.
void put(const std::string& file) {
  adios2::ADIOS adios;
  adios2::IO io = adios.DeclareIO("out");
  io.SetEngine("BP5");
  adios2::Engine engine = io.Open(file, adios2::Mode::Write);
  bool open = false;
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<std::string> part;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, '\t');) part.push_back(field);
    if (part.size() == 1 && part[0] == "step") {
      if (open) engine.EndStep();
      engine.BeginStep();
      open = true;
    } else if (part.size() == 5 && part[0] == "array") {
      const std::string bytes = bytes_of(std::stoull(part[4]));
      const adios2::Dims dims = dims_of(part[3]);
#define GAUSSITU_BP_PUT(T, dtype) \
  if (part[2] == dtype) put_array<T>(io, engine, part[1], dims, bytes);
      GAUSSITU_BP_TYPES(GAUSSITU_BP_PUT)
    } else if (part.size() == 3 && part[0] == "number") {
      put_value(io, engine, part[1], std::stod(part[2]));
    } else if (part.size() == 3 && part[0] == "text") {
      put_value(io, engine, part[1], bytes_of(std::stoull(part[2])));
    } else {
      throw std::runtime_error("unknown line: " + line.substr(0, 80));
    }
  }
  if (open) engine.EndStep();
  engine.Close();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "list" && argc == 3) {
      list(argv[2]);
    } else if (what == "get" && argc == 5) {
      get(argv[2], std::stoull(argv[3]), argv[4]);
    } else if (what == "put" && argc == 3) {
      put(argv[2]);
    } else {
      std::fputs("usage: gaussitu-bp list FILE | get FILE STEP NAME | put FILE\n", stderr);
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gaussitu-bp: %s\n", error.what());
    return 1;
  }
  return 0;
}
