#include "base/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
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
/// Each thread begins with a part of its own: of two, in loop after loop the same one, whose memory its
/// caches then have. Who is done with it takes from the others'.
struct Loop {
  struct alignas(64) Part {
    std::atomic<size_t> next{0};
    size_t end = 0;
    bool left() const { return next.load() < end; }
  };

  Loop(size_t count, size_t threads, const std::function<void(size_t)>& body)
      : parts(std::min(count, threads)), body(&body) {
    const size_t each = count / parts.size(), longer = count % parts.size();
    for (size_t k = 0, begin = 0; k < parts.size(); begin = parts[k++].end) {
      parts[k].next = begin;
      parts[k].end = begin + each + (k < longer);
    }
  }
  std::vector<Part> parts;
  const std::function<void(size_t)>* body;
  unsigned helpers = 0;  // guarded by the pool's mutex
  std::exception_ptr error;
  std::mutex error_mutex;
  std::condition_variable idle;

  bool left() const {
    return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.left(); });
  }

  void run(size_t thread) {
    for (size_t k = 0; k < parts.size(); k++) {
      Part& part = parts[(thread + k) % parts.size()];
      for (size_t i; (i = part.next.fetch_add(1)) < part.end;) {
        try {
          (*body)(i);
        } catch (...) {
          for (Part& other : parts) other.next.store(other.end);
          const std::lock_guard lock(error_mutex);
          if (!error) error = std::current_exception();
        }
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
    call(threads_);
  }

  unsigned size() {
    const std::lock_guard lock(mutex_);
    return target_;
  }

  void submit(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    call(1);
  }

  void run(size_t count, const std::function<void(size_t)>& body) {
    std::shared_ptr<Loop> loop;
    {
      const std::lock_guard lock(mutex_);
      loop = std::make_shared<Loop>(count, target_, body);
      if (target_ > 1 && count > 1) {
        loops_.push_back(loop);
        call(std::min<size_t>(count, target_) - 1);
      }
    }
    loop->run(0);
    std::unique_lock lock(mutex_);
    loops_.erase(std::remove(loops_.begin(), loops_.end(), loop), loops_.end());
    loop->idle.wait(lock, [&] { return loop->helpers == 0; });
    if (loop->error) std::rethrow_exception(loop->error);
  }

 private:
  Pool() { resize(std::max(1u, std::thread::hardware_concurrency())); }

  std::shared_ptr<Loop> loop_to_help() {
    for (const auto& loop : loops_)
      if (loop->helpers + 1 < target_ && loop->left()) return loop;
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
        const size_t thread = ++loop->helpers;
        lock.unlock();
        loop->run(thread);
        lock.lock();
        if (--loop->helpers == 0) loop->idle.notify_all();
      } else if (!stay_awake(lock)) {
        wake_.wait(lock);
      }
    }
    threads_--;
    wake_.notify_one();  // it may have been woken for work that another thread must now take
  }

  // To be woken takes a thread as long as a small loop, so it stays awake for a moment after its work; no
  // more of them than a loop has helpers, as they would take the time of the thread that is about to begin
  // one. False: nothing came.
  bool stay_awake(std::unique_lock<std::mutex>& lock) {
    if (awake_ + 1 >= target_) return false;
    awake_++;
    const unsigned before = calls_;
    lock.unlock();
    const auto until = std::chrono::steady_clock::now() + kAwake;
    while (calls_.load(std::memory_order_relaxed) == before && std::chrono::steady_clock::now() < until) {
    }
    lock.lock();
    if (calls_ != before) return true;
    awake_--;
    return false;
  }

  // There is work for so many threads: all that are awake look at it, sleeping ones as far as they are
  // needed.
  void call(size_t threads) {
    calls_++;
    for (; awake_ < threads; threads--) wake_.notify_one();
    awake_ = 0;
  }

  static constexpr std::chrono::microseconds kAwake{100};
  std::atomic<unsigned> calls_{0};  // changed under the mutex
  unsigned awake_ = 0;              // since the last call
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
