// What the kernels of this folder are written in, so that nvcc and the tests' emulation of CUDA on the host
// (test/native/cuda/emulation.hpp) read the same sources: CUDA C++, except that kernels are started by
// launch() and shared arrays declared by macros, because a host compiler parses neither <<<>>> nor
// __shared__.
#pragma once

#if defined(__CUDACC__)

#include <cuda_runtime.h>

#include <cstddef>

/// type name[count] in shared memory.
#define GAUSSITU_SHARED(type, name, count) __shared__ type name[count]
/// type* name: the shared memory whose size launch() was given.
#define GAUSSITU_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char gaussitu_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(gaussitu_dynamic_shared)

namespace gaussitu::cuda {

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            const Arguments&... arguments) {
  kernel<<<grid, block, shared_bytes, stream>>>(arguments...);
}

}  // namespace gaussitu::cuda

#else

#include "emulation.hpp"

#endif
