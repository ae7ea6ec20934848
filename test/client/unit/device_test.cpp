// Arrays on a card, through gaussitu.h: with a double of the driver (fake_cuda.hpp; the order of calls and
// the ways of failing, nothing of a real card), and without any driver. What arrives is read from what the
// client spills.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "fake_cuda.hpp"
#include "gaussitu.hpp"

namespace {

const FakeCuda* fake() {
  void* library = dlopen("libcuda.so.1", RTLD_LAZY);
  if (library == nullptr) return nullptr;
  const auto control = reinterpret_cast<decltype(&fake_cuda)>(dlsym(library, "fake_cuda"));
  return control != nullptr ? control() : nullptr;
}

std::vector<float> values(size_t count, float shift) {
  std::vector<float> v(count);
  for (size_t i = 0; i < count; i++) v[i] = std::sin(0.1f * static_cast<float>(i)) + shift;
  return v;
}

/// A client whose service never answers: what it has is on disk after close().
struct Coupled {
  static constexpr int64_t kCount = 8 * 6 * 4;
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("gaussitu-device-" + std::to_string(reinterpret_cast<uintptr_t>(this)));
  gaussitu_client* client = nullptr;

  explicit Coupled(uint64_t buffer, gaussitu_policy policy = GAUSSITU_SPILL) {
    gaussitu_options options;
    gaussitu_options_init(&options);
    const std::string spill = folder.string();
    options.ignore_environment = 1;
    options.endpoint = "ipc:///tmp/nobody-listens-here";
    options.run = "device";
    options.policy = policy;
    options.buffer_bytes = buffer;
    options.spill_dir = spill.c_str();
    options.liveness_seconds = 0.2;
    REQUIRE(gaussitu_open(&options, &client) == GAUSSITU_OK);
    const gaussitu_grid grid{{8, 6, 4}, {}, {}, {}};
    const double origin[3] = {0, 0, 0}, spacing[3] = {1, 1, 1};
    REQUIRE(gaussitu_define_uniform(client, "grid", 0, &grid, origin, spacing) == GAUSSITU_OK);
  }
  ~Coupled() {
    if (client != nullptr) gaussitu_close(client, 0.5);
    std::filesystem::remove_all(folder);
  }
  int put(const char* name, const void* address, void* stream = nullptr) {
    gaussitu_field field;
    gaussitu_field_init(&field);
    field.name = name;
    field.mesh = "grid";
    field.dtype = GAUSSITU_F32;
    field.count = kCount;
    return gaussitu_put_field_device(client, &field, address, stream);
  }
  std::string error() const { return gaussitu_last_error(client); }
  int close() {
    gaussitu_client* c = client;
    client = nullptr;
    return gaussitu_close(c, 0.5);
  }
  /// Content of the only spilled file whose name begins so.
  std::vector<float> spilled(const std::string& name) const {
    std::vector<float> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.path().filename().string().rfind(name, 0) == 0) {
        out.resize(std::filesystem::file_size(entry.path()) / sizeof(float));
        std::ifstream(entry.path(), std::ios::binary)
            .read(reinterpret_cast<char*>(out.data()),
                  static_cast<std::streamsize>(out.size() * sizeof(float)));
      }
    return out;
  }
};

size_t times(const FakeCuda& driver, const std::string& call) {
  const auto& calls = driver.calls();
  return static_cast<size_t>(std::count(calls.begin(), calls.end(), call));
}
size_t place(const FakeCuda& driver, const std::string& call) {
  const auto& calls = driver.calls();
  return static_cast<size_t>(std::find(calls.begin(), calls.end(), call) - calls.begin());
}

}  // namespace

TEST_CASE("without a driver the field is refused with the reason, the client goes on") {
  if (dlopen("libcuda.so.1", RTLD_LAZY) != nullptr) {
    MESSAGE("this process has a driver");
    return;
  }
  Coupled c(1 << 20);
  const auto host = values(Coupled::kCount, 0);
  CHECK(gaussitu_begin_step(c.client, 0, 0) == GAUSSITU_OK);
  CHECK(c.put("u", host.data()) == GAUSSITU_E_INVALID);
  CHECK(c.error().find("expected a CUDA driver in this process, received: libcuda.so.1") !=
        std::string::npos);
  CHECK(gaussitu_end_step(c.client) == GAUSSITU_E_INVALID);  // the step is given up, and said so
  CHECK(gaussitu_begin_step(c.client, 1, 1) == GAUSSITU_OK);
  CHECK(gaussitu_end_step(c.client) == GAUSSITU_OK);
}

TEST_CASE("arrays arrive: copies come after the simulation's stream, overlap, and are waited for once") {
  const FakeCuda* driver = fake();
  if (driver == nullptr) return;
  driver->clear();
  Coupled c(1 << 20);
  const auto u = values(Coupled::kCount, 0), v = values(Coupled::kCount, 3);
  const void *on_card = driver->alloc(u.data(), u.size() * 4), *other = driver->alloc(v.data(), v.size() * 4);
  CHECK(gaussitu_begin_step(c.client, 0, 0) == GAUSSITU_OK);
  CHECK(c.put("u", on_card) == GAUSSITU_OK);
  CHECK(c.put("v", other) == GAUSSITU_OK);
  CHECK(times(*driver, "cuStreamSynchronize") == 0);
  CHECK(place(*driver, "cuEventRecord") < place(*driver, "cuStreamWaitEvent"));
  CHECK(place(*driver, "cuStreamWaitEvent") < place(*driver, "cuMemcpyDtoHAsync"));
  CHECK(gaussitu_end_step(c.client) == GAUSSITU_OK);
  CHECK(times(*driver, "cuStreamCreate") == 1);
  CHECK(times(*driver, "cuStreamSynchronize") == 1);
  gaussitu_status status{};
  status.size = sizeof status;
  gaussitu_get_status(c.client, &status);
  CHECK(status.buffer_bytes == 2 * u.size() * 4);
  CHECK(c.close() == GAUSSITU_SPILLED);
  CHECK(c.spilled("u_") == u);
  CHECK(c.spilled("v_") == v);
  CHECK(times(*driver, "cuCtxPushCurrent") == times(*driver, "cuCtxPopCurrent"));
  CHECK(times(*driver, "cuMemFreeHost") == 2);
}

TEST_CASE("pinned memory is used again for the next step") {
  const FakeCuda* driver = fake();
  if (driver == nullptr) return;
  Coupled c(Coupled::kCount * 4, GAUSSITU_DROP);
  const auto u = values(Coupled::kCount, 0);
  const void* on_card = driver->alloc(u.data(), u.size() * 4);
  driver->clear();
  for (int64_t step = 0; step < 3;
       step++) {  // nothing is acknowledged: the first stays, the others find no room
    CHECK(gaussitu_begin_step(c.client, step, 0) == GAUSSITU_OK);
    CHECK(c.put("u", on_card) == (step == 0 ? GAUSSITU_OK : GAUSSITU_DROPPED));
    gaussitu_end_step(c.client);
  }
  CHECK(times(*driver, "cuMemHostAlloc") == 1);
}

TEST_CASE("a step that finds no room is spilled, what was under way first waited for") {
  const FakeCuda* driver = fake();
  if (driver == nullptr) return;
  Coupled c(Coupled::kCount * 4 + 100);
  const auto u = values(Coupled::kCount, 0), v = values(Coupled::kCount, 3);
  const void *on_card = driver->alloc(u.data(), u.size() * 4), *other = driver->alloc(v.data(), v.size() * 4);
  CHECK(gaussitu_begin_step(c.client, 0, 0) == GAUSSITU_OK);
  CHECK(c.put("u", on_card) == GAUSSITU_OK);
  CHECK(c.put("v", other) == GAUSSITU_SPILLED);
  CHECK(gaussitu_end_step(c.client) == GAUSSITU_SPILLED);
  CHECK(c.spilled("u_") == u);
  CHECK(c.spilled("v_") == v);
}

TEST_CASE("an address that is not the driver's") {
  if (fake() == nullptr) return;
  Coupled c(1 << 20);
  const auto host = values(Coupled::kCount, 0);
  gaussitu_begin_step(c.client, 0, 0);
  CHECK(c.put("u", host.data()) == GAUSSITU_E_INVALID);
  CHECK(c.error().find("received one that the driver does not know") != std::string::npos);
}

TEST_CASE("what the driver refuses costs the step, and nothing is leaked") {
  const FakeCuda* driver = fake();
  if (driver == nullptr) return;
  const auto u = values(Coupled::kCount, 0);
  const void* on_card = driver->alloc(u.data(), u.size() * 4);
  const struct {
    const char* function;
    int result, status;
    const char* says;
  } cases[] = {{"cuMemHostAlloc", 2, GAUSSITU_E_MEMORY, "out of memory"},
               {"cuStreamCreate", 2, GAUSSITU_E_INTERNAL, "making a stream failed: out of memory"},
               {"cuEventRecord", 700, GAUSSITU_E_INTERNAL, "an illegal memory access"},
               {"cuMemcpyDtoHAsync", 700, GAUSSITU_E_INTERNAL, "copying to the host failed"}};
  for (const auto& failing : cases) {
    CAPTURE(failing.function);
    Coupled c(1 << 20);
    driver->fail(failing.function, failing.result);
    gaussitu_begin_step(c.client, 0, 0);
    CHECK(c.put("u", on_card) == failing.status);
    CHECK(c.error().find(failing.says) != std::string::npos);
    driver->fail(failing.function, 0);
    gaussitu_end_step(c.client);
    gaussitu_status status{};
    status.size = sizeof status;
    gaussitu_get_status(c.client, &status);
    CHECK(status.buffer_bytes == 0);
    CHECK(status.steps_dropped == 1);
  }
}

TEST_CASE("a copy that fails while it is under way shows at the end of the step") {
  const FakeCuda* driver = fake();
  if (driver == nullptr) return;
  Coupled c(1 << 20);
  const auto u = values(Coupled::kCount, 0);
  const void* on_card = driver->alloc(u.data(), u.size() * 4);
  gaussitu_begin_step(c.client, 0, 0);
  CHECK(c.put("u", on_card) == GAUSSITU_OK);
  driver->fail("cuStreamSynchronize", 700);
  CHECK(gaussitu_end_step(c.client) == GAUSSITU_E_INTERNAL);
  CHECK(c.error().find("an illegal memory access") != std::string::npos);
  driver->fail("cuStreamSynchronize", 0);
}
