#include "base/thread_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace gaussitu;

TEST_CASE("parallel_for runs every index once, whatever the thread count") {
  for (const unsigned threads : {1u, 2u, 5u}) {
    set_thread_count(threads);
    CHECK(thread_count() == threads);
    std::vector<int> runs(1000, 0);
    parallel_for(runs.size(), [&](size_t i) { runs[i]++; });
    for (const int r : runs) CHECK(r == 1);
  }
  set_thread_count(0);
  CHECK(thread_count() == 1);
}

TEST_CASE("parallel_for runs every index of a loop with few of them once") {
  set_thread_count(5);
  for (size_t count = 1; count < 12; count++) {
    std::vector<int> runs(count, 0);
    parallel_for(count, [&](size_t i) { runs[i]++; });
    CHECK(runs == std::vector<int>(count, 1));
  }
}

TEST_CASE("threads begin with parts of their own") {
  set_thread_count(2);
  const auto caller = std::this_thread::get_id();
  constexpr size_t kCount = 1000, kNone = kCount;
  std::atomic<size_t> helper{kNone};
  parallel_for(kCount, [&](size_t i) {
    size_t none = kNone;
    if (std::this_thread::get_id() != caller) helper.compare_exchange_strong(none, i);
    while (helper == kNone) std::this_thread::yield();  // the caller waits where it begins
  });
  CHECK(helper == kCount / 2);
}

TEST_CASE("parallel_for of nothing returns") {
  parallel_for(0, [](size_t) { FAIL("no index to run"); });
}

TEST_CASE("the first exception comes back and the pool goes on") {
  set_thread_count(3);
  CHECK_THROWS_WITH_AS(parallel_for(100,
                                    [](size_t i) {
                                      if (i == 7) throw std::runtime_error("seven");
                                    }),
                       "seven", std::runtime_error);
  std::atomic<int> runs{0};
  parallel_for(50, [&](size_t) { runs++; });
  CHECK(runs == 50);
}

TEST_CASE("loops nest and jobs run loops of their own") {
  set_thread_count(2);
  std::atomic<int> runs{0};
  std::mutex mutex;
  std::condition_variable done;
  int finished = 0;
  for (int job = 0; job < 4; job++)
    submit([&] {
      parallel_for(8, [&](size_t) { parallel_for(8, [&](size_t) { runs++; }); });
      const std::lock_guard lock(mutex);
      finished++;
      done.notify_one();
    });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return finished == 4; });
  CHECK(runs == 4 * 64);
}

TEST_CASE("the thread count changes while loops run") {
  std::atomic<int> runs{0};
  parallel_for(200, [&](size_t i) {
    if (i % 20 == 0) set_thread_count(1 + i % 3);
    runs++;
  });
  CHECK(runs == 200);
}
