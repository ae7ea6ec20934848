// One pool for the whole process: jobs run on its threads, and loops inside a job share the idle ones, so
// several fields can train at once without more threads than the setting allows.
#pragma once
#include <cstddef>
#include <functional>

namespace gaussitu {

/// Threads used by everything in this process; default is the number of processors. Waits for running jobs'
/// loops to pick up the change; never fewer than 1.
void set_thread_count(unsigned count);
unsigned thread_count();

/// Queues a job (for example one encode) on the pool; returns at once. `job` must not throw.
void submit(std::function<void()> job);

/// Runs body(i) for i in [0, count), on this thread and idle pool threads; returns when all are done;
/// rethrows the first exception. Work is split by index only: what body(i) computes must not depend on who
/// runs it.
void parallel_for(size_t count, const std::function<void(size_t)>& body);

}  // namespace gaussitu
