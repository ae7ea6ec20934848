// gaussitu.h over Client: turns every exception into a status and a sentence.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include "client.hpp"
#include "gaussitu.h"
#include "status.hpp"

using gaussitu::client::Client;
using gaussitu::client::Failure;

struct gaussitu_client {
  Client client;
};

namespace {

// For failures without a client. Fixed size: it must work when memory is what is missing.
thread_local char thread_error[1024];

void say(gaussitu_client* handle, const char* sentence) noexcept {
  try {
    if (handle) return handle->client.queue().remark(sentence);
  } catch (...) {  // falls through to the buffer that needs no memory
  }
  std::strncpy(thread_error, sentence, sizeof thread_error - 1);
}

/// Runs `body` and turns what it throws into a status.
template <class Body>
int guarded(gaussitu_client* handle, Body body) noexcept {
  try {
    return body();
  } catch (const Failure& failure) {
    say(handle, failure.what());
    return failure.status;
  } catch (const std::bad_alloc&) {
    say(handle, "out of memory");
    return GAUSSITU_E_MEMORY;
  } catch (const std::exception& error) {
    say(handle, error.what());
    return GAUSSITU_E_INTERNAL;
  } catch (...) {
    say(handle, "unknown exception");
    return GAUSSITU_E_INTERNAL;
  }
}

/// The same for functions of an open client; does nothing with the `off` policy.
template <class Body>
int with(gaussitu_client* handle, Body body) noexcept {
  if (!handle) {
    say(nullptr, "expected an open client, received NULL (did gaussitu_open fail?)");
    return GAUSSITU_E_STATE;
  }
  if (handle->client.off()) return GAUSSITU_OK;
  return guarded(handle, [&] { return body(handle->client); });
}

template <class Make>
int define(gaussitu_client* handle, Make make) noexcept {
  return with(handle, [&](Client& client) {
    client.define(make());
    return GAUSSITU_OK;
  });
}

}  // namespace

extern "C" {

void gaussitu_options_init(gaussitu_options* options) {
  if (options) gaussitu::client::default_options(*options);
}

int gaussitu_options_set(gaussitu_options* options, const char* option, const char* text) {
  return guarded(nullptr, [&] {
    if (!options || !option || !text)
      gaussitu::client::invalid("gaussitu_options_set: expected options, a name and a text");
    gaussitu::client::set_option(*options, option, text, "option " + std::string(option));
    return GAUSSITU_OK;
  });
}

int gaussitu_target_set(gaussitu_target* target, const char* kind, const char* value) {
  return guarded(nullptr, [&] {
    if (!target || !kind || !value)
      gaussitu::client::invalid("gaussitu_target_set: expected a target, a kind and a value");
    const auto read = gaussitu::client::target_from_text(kind, value);
    target->kind = read.kind;
    target->value = read.value;
    return GAUSSITU_OK;
  });
}

void gaussitu_field_init(gaussitu_field* field) {
  if (!field) return;
  *field = {};
  field->size = sizeof *field;
  field->components = 1;
}

int gaussitu_open(const gaussitu_options* options, gaussitu_client** client) {
  return guarded(nullptr, [&] {
    if (client) *client = nullptr;
    if (!client || !options)
      gaussitu::client::invalid("gaussitu_open: expected options and a place for the client");
    *client = new gaussitu_client{Client(gaussitu::client::resolve_options(*options))};
    return GAUSSITU_OK;
  });
}

int gaussitu_wait_connected(gaussitu_client* client, double seconds) {
  return with(client, [&](Client& c) { return c.wait_connected(seconds); });
}

int gaussitu_define_uniform(gaussitu_client* client, const char* mesh, int64_t block,
                            const gaussitu_grid* grid, const double origin[3], const double spacing[3]) {
  return define(client, [&] { return gaussitu::client::make_uniform(mesh, block, grid, origin, spacing); });
}

int gaussitu_define_rectilinear(gaussitu_client* client, const char* mesh, int64_t block,
                                const gaussitu_grid* grid, gaussitu_dtype dtype, const void* x, const void* y,
                                const void* z) {
  return define(client,
                [&] { return gaussitu::client::make_rectilinear(mesh, block, grid, dtype, x, y, z); });
}

int gaussitu_define_curvilinear(gaussitu_client* client, const char* mesh, int64_t block,
                                const gaussitu_grid* grid, gaussitu_dtype dtype, const void* points) {
  return define(client, [&] { return gaussitu::client::make_curvilinear(mesh, block, grid, dtype, points); });
}

int gaussitu_define_unstructured(gaussitu_client* client, const char* mesh, int64_t block, int64_t nodes,
                                 gaussitu_dtype dtype, const void* points, int64_t cells,
                                 gaussitu_dtype index_dtype, int64_t connectivity_count,
                                 const void* connectivity, const void* offsets, const uint8_t* types) {
  return define(client, [&] {
    return gaussitu::client::make_unstructured(mesh, block, nodes, dtype, points, cells, index_dtype,
                                               connectivity_count, connectivity, offsets, types);
  });
}

int gaussitu_define_points(gaussitu_client* client, const char* mesh, int64_t block, int64_t nodes,
                           gaussitu_dtype dtype, const void* points) {
  return define(client, [&] { return gaussitu::client::make_points(mesh, block, nodes, dtype, points); });
}

int gaussitu_define_ghosts(gaussitu_client* client, const char* mesh, int64_t block, const uint8_t* nodes,
                           const uint8_t* cells) {
  return with(client, [&](Client& c) {
    c.define(gaussitu::client::with_ghosts(c.mesh(mesh, block), nodes, cells));
    return GAUSSITU_OK;
  });
}

int gaussitu_define_faces(gaussitu_client* client, const char* mesh, int64_t block,
                          gaussitu_dtype index_dtype, int64_t faces_count, const void* faces,
                          const void* offsets) {
  return with(client, [&](Client& c) {
    c.define(gaussitu::client::with_faces(c.mesh(mesh, block), index_dtype, faces_count, faces, offsets));
    return GAUSSITU_OK;
  });
}

int gaussitu_define_nesting(gaussitu_client* client, const char* mesh, int64_t block, int32_t level,
                            const gaussitu_nesting* windows, size_t count) {
  return with(client, [&](Client& c) {
    c.define(gaussitu::client::with_nesting(c.mesh(mesh, block), level, windows, count));
    return GAUSSITU_OK;
  });
}

int gaussitu_begin_step(gaussitu_client* client, int64_t step, double time) {
  return with(client, [&](Client& c) { return c.begin_step(step, time); });
}

int gaussitu_put_field(gaussitu_client* client, const gaussitu_field* field, const void* data) {
  return gaussitu_put_field_borrowed(client, field, data, nullptr, nullptr);
}

int gaussitu_put_field_borrowed(gaussitu_client* client, const gaussitu_field* field, const void* data,
                                gaussitu_release release, void* context) {
  // Owned from here on, so that the array is released whatever happens.
  std::shared_ptr<const void> borrowed;
  const int status = guarded(client, [&] {
    if (release) borrowed.reset(data, [=](const void* p) { release(const_cast<void*>(p), context); });
    return GAUSSITU_OK;
  });
  if (status != GAUSSITU_OK) return status;
  return with(client, [&](Client& c) {
    if (!field || field->size < sizeof *field)
      gaussitu::client::invalid("put_field: expected a gaussitu_field set up by gaussitu_field_init");
    return c.put_field(*field, data, std::move(borrowed));
  });
}

int gaussitu_put_field_device(gaussitu_client* client, const gaussitu_field* field, const void* data,
                              void* stream) {
  return with(client, [&](Client& c) {
    if (!field || field->size < sizeof *field)
      gaussitu::client::invalid("put_field_device: expected a gaussitu_field set up by gaussitu_field_init");
    return c.put_device_field(*field, data, stream);
  });
}

int gaussitu_set_time(gaussitu_client* client, double time) {
  return with(client, [&](Client& c) { return c.set_time(time); });
}

int gaussitu_put_numbers(gaussitu_client* client, const char* name, const double* values, int64_t count) {
  return with(client, [&](Client& c) {
    if (count < 0 || count > 4000 || (count > 0 && !values))
      gaussitu::client::invalid("put_numbers: expected 0 to 4000 numbers, received " + std::to_string(count));
    return c.put_value(name, std::vector<double>(values, values + count));
  });
}

int gaussitu_put_text(gaussitu_client* client, const char* name, const char* text) {
  return with(client, [&](Client& c) {
    const std::string value = text ? text : "";
    if (value.size() > 4096)
      gaussitu::client::invalid("put_text: expected at most 4096 bytes, received " +
                                std::to_string(value.size()));
    return c.put_value(name, value);
  });
}

int gaussitu_end_step(gaussitu_client* client) {
  return with(client, [](Client& c) { return c.end_step(); });
}

int gaussitu_flush(gaussitu_client* client, double seconds) {
  return with(client, [&](Client& c) { return c.flush(seconds); });
}

int gaussitu_get_status(gaussitu_client* client, gaussitu_status* status) {
  const size_t size = status ? status->size : 0;
  if (size < sizeof(size_t)) {
    say(client, "gaussitu_get_status: expected status->size = sizeof(gaussitu_status)");
    return GAUSSITU_E_INVALID;
  }
  std::memset(status, 0, size);
  status->size = size;
  return with(client, [&](Client& c) {
    auto now = c.status();
    now.size = size;
    std::memcpy(status, &now, std::min(size, sizeof now));
    return GAUSSITU_OK;
  });
}

int64_t gaussitu_dropped_steps(gaussitu_client* client, int64_t* steps, int64_t capacity) {
  int64_t count = 0;
  const int status = with(client, [&](Client& c) {
    const auto dropped = c.queue().dropped_steps();
    count = static_cast<int64_t>(dropped.size());
    if (steps && capacity > 0) std::copy_n(dropped.begin(), std::min(count, capacity), steps);
    return GAUSSITU_OK;
  });
  return status == GAUSSITU_OK ? count : status;
}

int gaussitu_close(gaussitu_client* client, double seconds) {
  if (!client) return with(client, [](Client&) { return GAUSSITU_OK; });
  const int status = guarded(nullptr, [&] {
    std::string report;
    const int status = client->client.close(seconds, report);
    say(nullptr, report.c_str());
    return status;
  });
  delete client;
  return status;
}

const char* gaussitu_last_error(gaussitu_client* client) {
  if (!client) return thread_error;
  try {
    client->client.said = client->client.queue().last_error();
    return client->client.said.c_str();
  } catch (...) {
    return "out of memory";
  }
}

const char* gaussitu_status_name(int status) {
  switch (status) {
    case GAUSSITU_OK:
      return "ok";
    case GAUSSITU_DROPPED:
      return "dropped";
    case GAUSSITU_SPILLED:
      return "spilled";
    case GAUSSITU_TIMEOUT:
      return "timeout";
    case GAUSSITU_E_INVALID:
      return "invalid";
    case GAUSSITU_E_STATE:
      return "state";
    case GAUSSITU_E_REFUSED:
      return "refused";
    case GAUSSITU_E_MEMORY:
      return "memory";
    case GAUSSITU_E_DISK:
      return "disk";
    case GAUSSITU_E_INTERNAL:
      return "internal";
    default:
      return "unknown";
  }
}

const char* gaussitu_version(void) {
  return GAUSSITU_VERSION;
}

}  // extern "C"
