// libzmq for native/client, loaded privately: its functions under their usual names, visible in this library
// only. A simulation that has another libzmq, its own or statically linked, keeps it, and so do we.
#include "zmq_private.hpp"

#include <dlfcn.h>
#include <zmq.h>

#include <cerrno>

namespace gaussitu::catalyst {
namespace {

void* load() {
  int flags = RTLD_NOW | RTLD_LOCAL;
#if defined(RTLD_DEEPBIND) && !defined(__SANITIZE_ADDRESS__)
  flags |= RTLD_DEEPBIND;  // its calls to itself stay its own
#endif
  // 5: the version of its binary interface since 2014.
  return dlopen("libzmq.so.5", flags);
}

void* library() {
  static void* const handle = load();
  return handle;
}

template <class Function>
Function* symbol(const char* name) {
  return library() ? reinterpret_cast<Function*>(dlsym(library(), name)) : nullptr;
}

}  // namespace

bool zmq_found() {
  return library() != nullptr;
}

}  // namespace gaussitu::catalyst

// Called only after zmq_found(); what a broken libzmq lacks fails like a call that failed.
#define FORWARD(result, name, parameters, arguments, failed)                            \
  result name parameters {                                                              \
    static auto* const function = gaussitu::catalyst::symbol<result parameters>(#name); \
    if (function) return function arguments;                                            \
    errno = ENOSYS;                                                                     \
    return failed;                                                                      \
  }

extern "C" {
FORWARD(void*, zmq_ctx_new, (), (), nullptr)
FORWARD(int, zmq_ctx_term, (void* context), (context), -1)
FORWARD(void*, zmq_socket, (void* context, int type), (context, type), nullptr)
FORWARD(int, zmq_close, (void* socket), (socket), -1)
FORWARD(int, zmq_connect, (void* socket, const char* address), (socket, address), -1)
FORWARD(int, zmq_setsockopt, (void* socket, int option, const void* value, size_t size),
        (socket, option, value, size), -1)
FORWARD(int, zmq_socket_monitor, (void* socket, const char* address, int events), (socket, address, events),
        -1)
FORWARD(int, zmq_send, (void* socket, const void* data, size_t size, int flags), (socket, data, size, flags),
        -1)
FORWARD(int, zmq_recv, (void* socket, void* data, size_t size, int flags), (socket, data, size, flags), -1)
FORWARD(int, zmq_msg_init, (zmq_msg_t * message), (message), -1)
FORWARD(int, zmq_msg_init_data,
        (zmq_msg_t * message, void* data, size_t size, zmq_free_fn* release, void* hint),
        (message, data, size, release, hint), -1)
FORWARD(int, zmq_msg_close, (zmq_msg_t * message), (message), -1)
FORWARD(void*, zmq_msg_data, (zmq_msg_t * message), (message), nullptr)
FORWARD(size_t, zmq_msg_size, (const zmq_msg_t* message), (message), 0)
FORWARD(int, zmq_msg_more, (const zmq_msg_t* message), (message), 0)
FORWARD(int, zmq_msg_send, (zmq_msg_t * message, void* socket, int flags), (message, socket, flags), -1)
FORWARD(int, zmq_msg_recv, (zmq_msg_t * message, void* socket, int flags), (message, socket, flags), -1)
FORWARD(int, zmq_poll, (zmq_pollitem_t * items, int count, long timeout), (items, count, timeout), -1)
FORWARD(const char*, zmq_strerror, (int error), (error), "libzmq is not complete")
}
