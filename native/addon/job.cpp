#include "job.hpp"

#include "base/thread_pool.hpp"

namespace gaussitu::addon {

struct Job::Message {
  std::shared_ptr<Job> job;
  bool last = false;
  Progress progress;
};

Napi::Value Job::start(Napi::Env env, const Napi::Value& on_progress) {
  if (on_progress.IsFunction()) {
    on_progress_ = Napi::Persistent(on_progress.As<Napi::Function>());
    wants_progress_ = true;
  }
  channel_ = Channel::New(env, "gaussitu", 0, 1);
  const auto self = shared_from_this();
  Environment::of(env).add(self);
  submit([self] { self->run(); });

  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", deferred_.Promise());
  handle.Set("cancel", Napi::Function::New(env, [job = std::weak_ptr(self)](const Napi::CallbackInfo&) {
               if (const auto alive = job.lock()) alive->cancel();
             }));
  return handle;
}

void Job::run() {
  State queued = State::queued;
  if (!state_.compare_exchange_strong(queued, State::running)) return;  // cancelled before it began
  try {
    Control control{&cancelled_, {}};
    if (wants_progress_) control.on_progress = [this](const Progress& p) { report(p); };
    work(control);
  } catch (...) {
    failure_ = describe(std::current_exception());
  }
  finish();
  state_.store(State::done);
  state_.notify_all();
}

void Job::cancel() {
  cancelled_ = true;
  State queued = State::queued;
  if (!state_.compare_exchange_strong(queued, State::done)) return;  // running: it stops by itself
  failure_ = {"CANCELLED", "Encoding was cancelled before it began"};
  finish();
}

void Job::finish() {
  send(std::make_unique<Message>(Message{shared_from_this(), true, {}}));
  if (!closed_) channel_.Release();
}

void Job::report(const Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  const bool last = progress.iteration >= progress.iterations;
  if (!last && now - last_report_ < std::chrono::milliseconds(100)) return;
  last_report_ = now;
  send(std::make_unique<Message>(Message{shared_from_this(), false, progress}));
}

void Job::send(std::unique_ptr<Message> message) {
  if (closed_) return;
  const napi_status status = channel_.NonBlockingCall(message.get());
  if (status == napi_ok) message.release();
  // The environment is ending: nobody is left to tell, and the channel has already let go of this thread.
  if (status == napi_closing) closed_ = true;
}

void Job::receive(Napi::Env env, Napi::Function, std::nullptr_t*, Message* raw) {
  const std::unique_ptr<Message> message(raw);
  Job& job = *message->job;
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is ending
  const Napi::HandleScope scope(env);
  if (message->last) {
    Environment::of(env).remove(message->job);
    job.settle(env);
    return;
  }
  Napi::Object p = Napi::Object::New(env);
  p.Set("iteration", message->progress.iteration);
  p.Set("iterations", message->progress.iterations);
  p.Set("psnr", message->progress.psnr);
  p.Set("seconds", message->progress.seconds);
  p.Set("gaussians", static_cast<double>(message->progress.gaussians));
  job.on_progress_.Call({p});
}

void Job::settle(Napi::Env env) {
  try {
    if (failure_.code.empty())
      deferred_.Resolve(result(env));
    else
      deferred_.Reject(failure_.to_js(env).Value());
  } catch (const Napi::Error& error) {
    deferred_.Reject(error.Value());
  }
  kept_.clear();
  on_progress_.Reset();
}

Environment::Environment(Napi::Env env) {
  env.AddCleanupHook([this] { shut_down(); });
}

void Environment::shut_down() {
  for (const auto& job : jobs_) {
    job->cancelled_ = true;
    Job::State queued = Job::State::queued;
    job->state_.compare_exchange_strong(queued, Job::State::done);
  }
  for (const auto& job : jobs_) {
    job->state_.wait(Job::State::running);
    // The environment frees what references point to; they must not be touched later, on another thread.
    job->kept_.clear();
    job->on_progress_.Reset();
  }
  jobs_.clear();
}

}  // namespace gaussitu::addon
