// A double of the CUDA driver for the client's tests: keeps the order of calls, fails where it is told to.
// Device memory is mapped without access, so that reading it without the driver is a crash; an asynchronous
// copy is done when its stream is synchronised, so that reading the host's side too early shows. It says
// nothing of a real card.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

struct FakeCuda {
  void* (*alloc)(const void* content, size_t bytes);  // a device address that holds a copy of `content`
  void (*fail)(const char* function, int result);     // from the next call on; 0: no more
  const std::vector<std::string>& (*calls)();
  void (*clear)();
};
extern "C" const FakeCuda* fake_cuda();
