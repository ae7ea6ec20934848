// Work on the core's thread pool that settles a promise.
//
// A job's memory is shared between the pool's thread and JavaScript's. Messages back (progress, the end) go
// through a thread-safe function, which also keeps the event loop alive until the job is done. When the
// environment ends early (process.exit, a worker that is terminated) its jobs are cancelled and waited for,
// because the arrays that they read end with it; jobs that have not begun are simply dropped.
#pragma once
#include <napi.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>

#include "arguments.hpp"
#include "errors.hpp"
#include "train/train.hpp"

namespace gaussitu::addon {

class Job : public std::enable_shared_from_this<Job> {
 public:
  explicit Job(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  virtual ~Job() = default;

  /// Queues the job. Returns { promise, cancel() }.
  Napi::Value start(Napi::Env env, const Napi::Value& on_progress);

 protected:
  /// On a pool thread; may throw.
  virtual void work(const Control& control) = 0;
  /// On the JavaScript thread after work() returned; makes the promise's value.
  virtual Napi::Value result(Napi::Env env) = 0;

  KeptArrays kept_;

 private:
  friend class Environment;
  enum class State { queued, running, done };
  struct Message;
  static void receive(Napi::Env env, Napi::Function, std::nullptr_t*, Message* message);
  using Channel = Napi::TypedThreadSafeFunction<std::nullptr_t, Message, &Job::receive>;

  void run();                    // pool thread
  void cancel();                 // JavaScript thread
  void report(const Progress&);  // pool thread; at most ten a second get through, and the last
  void send(std::unique_ptr<Message> message);
  void finish();  // last message, then no more; whichever thread ends the job
  void settle(Napi::Env env);

  Napi::Promise::Deferred deferred_;
  Napi::FunctionReference on_progress_;
  bool wants_progress_ = false;
  Channel channel_;
  std::atomic<State> state_{State::queued};
  std::atomic<bool> cancelled_{false};
  bool closed_ = false;  // by the thread that runs the job
  Failure failure_;
  std::chrono::steady_clock::time_point last_report_{};
};

/// The jobs of one JavaScript environment (the main thread or one worker).
class Environment {
 public:
  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
  explicit Environment(Napi::Env env);

  void add(const std::shared_ptr<Job>& job) { jobs_.insert(job); }
  void remove(const std::shared_ptr<Job>& job) { jobs_.erase(job); }

 private:
  void shut_down();
  std::set<std::shared_ptr<Job>> jobs_;  // JavaScript thread only
};

}  // namespace gaussitu::addon
