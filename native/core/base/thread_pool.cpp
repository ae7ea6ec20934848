#include "base/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace gaussitu {
namespace {

/// One parallel_for in flight. Helpers hold it by shared_ptr: it may outlive the call, the body may not.
struct Loop {
  Loop(size_t count, const std::function<void(size_t)>& body) : count(count), body(&body) {}
  const size_t count;
  const std::function<void(size_t)>* body;
  std::atomic<size_t> next{0};
  unsigned helpers = 0;  // guarded by the pool's mutex
  std::exception_ptr error;
  std::mutex error_mutex;
  std::condition_variable idle;

  void run() {
    for (size_t i; (i = next.fetch_add(1)) < count;) {
      try {
        (*body)(i);
      } catch (...) {
        next.store(count);
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
      }
    }
  }
};

class Pool {
 public:
  // Never destroyed: threads may still be at work when the process exits, and they only ever hold its memory.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  void resize(unsigned count) {
    const std::lock_guard lock(mutex_);
    target_ = std::max(1u, std::min(count, 1024u));
    while (threads_ < target_) {
      threads_++;
      std::thread([this] { work(); }).detach();
    }
    wake_.notify_all();
  }

  unsigned size() {
    const std::lock_guard lock(mutex_);
    return target_;
  }

  void submit(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }

  void run(size_t count, const std::function<void(size_t)>& body) {
    const auto loop = std::make_shared<Loop>(count, body);
    {
      const std::lock_guard lock(mutex_);
      if (target_ > 1 && count > 1) {
        loops_.push_back(loop);
        for (size_t i = 0; i < std::min<size_t>(count, target_) - 1; i++) wake_.notify_one();
      }
    }
    loop->run();
    std::unique_lock lock(mutex_);
    loops_.erase(std::remove(loops_.begin(), loops_.end(), loop), loops_.end());
    loop->idle.wait(lock, [&] { return loop->helpers == 0; });
    if (loop->error) std::rethrow_exception(loop->error);
  }

 private:
  Pool() { resize(std::max(1u, std::thread::hardware_concurrency())); }

  std::shared_ptr<Loop> loop_to_help() {
    for (const auto& loop : loops_)
      if (loop->next.load() < loop->count && loop->helpers + 1 < target_) return loop;
    return nullptr;
  }

  // Jobs first: whole jobs side by side cost less than sharing loops; idle threads then share loops.
  void work() {
    std::unique_lock lock(mutex_);
    while (threads_ <= target_) {
      if (!jobs_.empty()) {
        const auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        lock.lock();
      } else if (const auto loop = loop_to_help()) {
        loop->helpers++;
        lock.unlock();
        loop->run();
        lock.lock();
        if (--loop->helpers == 0) loop->idle.notify_all();
      } else {
        wake_.wait(lock);
      }
    }
    threads_--;
    wake_.notify_one();  // it may have been woken for work that another thread must now take
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::shared_ptr<Loop>> loops_;
  unsigned target_ = 1, threads_ = 0;
};

}  // namespace

void set_thread_count(unsigned count) {
  Pool::instance().resize(count);
}
unsigned thread_count() {
  return Pool::instance().size();
}
void submit(std::function<void()> job) {
  Pool::instance().submit(std::move(job));
}

void parallel_for(size_t count, const std::function<void(size_t)>& body) {
  if (count > 0) Pool::instance().run(count, body);
}

}  // namespace gaussitu
