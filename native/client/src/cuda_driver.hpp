// The CUDA driver of this process, for arrays that a simulation has on a card. Opened at run time: nothing
// here needs CUDA to build, or a driver to load. The one place that speaks to it, for the client and for the
// adapters.
//
// Written against the driver's documented interface; tests run it against a double of their own
// (test/client/fake_cuda), no card has.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace gaussitu::client::cuda {

using Context = struct CUctx_st*;
using Stream = struct CUstream_st*;
using Event = struct CUevent_st*;
using Address = unsigned long long;

/// Functions of libcuda.so.1; results are CUresult, 0: success.
struct Driver {
  int (*pointer_attribute)(void*, int, Address);
  int (*push_context)(Context);
  int (*pop_context)(Context*);
  int (*stream_create)(Stream*, unsigned);
  int (*stream_destroy)(Stream);
  int (*stream_synchronise)(Stream);
  int (*stream_wait_event)(Stream, Event, unsigned);
  int (*event_create)(Event*, unsigned);
  int (*event_record)(Event, Stream);
  int (*event_destroy)(Event);
  int (*host_alloc)(void**, size_t, unsigned);
  int (*host_free)(void*);
  int (*copy_to_host)(void*, Address, size_t);
  int (*copy_to_host_async)(void*, Address, size_t, Stream);
  int (*error_string)(int, const char**);
};

/// Null when this process has no driver, or one that lacks a function; `why` then says so.
const Driver* driver(std::string* why = nullptr);
/// What the driver says of a result.
std::string message(const Driver& driver, int result);

/// Whether the array is in the memory of a card; managed memory is as well. False without a driver that the
/// simulation has loaded.
bool on_device(const void* address);
/// False when the driver refuses. Returns when the copy is done.
bool copy_from_device(void* to, const void* from, size_t bytes);

/// The context that an array belongs to, current on this thread as long as this lives.
class Current {
 public:
  Current(const Driver& driver, Context context) : driver_(driver) {
    pushed_ = driver.push_context(context) == 0;
  }
  ~Current() {
    Context ours = nullptr;
    if (pushed_) driver_.pop_context(&ours);
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  const Driver& driver_;
  bool pushed_;
};

/// Of device memory; null when the address is not the driver's.
Context context_of(const Driver& driver, const void* address);

}  // namespace gaussitu::client::cuda
