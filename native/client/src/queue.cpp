#include "queue.hpp"

#include <algorithm>

namespace gaussitu::client {

namespace {
constexpr size_t kLostKept = 65536;
}

void Queue::push(StepPtr step) {
  std::lock_guard lock(mutex_);
  last_ = step->step;
  steps_.push_back(std::move(step));
}

StepPtr Queue::after(int64_t step) const {
  std::lock_guard lock(mutex_);
  const auto at =
      std::find_if(steps_.begin(), steps_.end(), [=](const StepPtr& s) { return s->step > step; });
  return at == steps_.end() ? nullptr : *at;
}

StepPtr Queue::acknowledge(const Answer& ack) {
  std::vector<StepPtr> freed;  // outlives the lock: freeing runs the caller's release functions
  std::lock_guard lock(mutex_);
  if (ack.step > last_) {
    ++status_.errors;
    error_ = "the service acknowledged step " + std::to_string(ack.step) + ", which was not sent";
    return nullptr;
  }
  ++progress_;
  StepPtr found;
  while (!steps_.empty() && steps_.front()->step <= ack.step) {
    freed.push_back(std::move(steps_.front()));
    const auto& step = freed.back();
    steps_.pop_front();
    if (step->step == ack.step) {
      found = step;
      ++status_.steps_acknowledged;
      if (step->spilled) --status_.steps_spilled;
      status_.raw_bytes += ack.raw;
      status_.stored_bytes += ack.stored;
    } else {
      ++status_.steps_rejected;
      record_lost(step->step);
      error_ = "step " + std::to_string(step->step) + " was not stored: step " + std::to_string(ack.step) +
               " is, and steps complete in order (another rank left it out, or a field of it was refused)";
    }
  }
  status_.last_acknowledged = std::max(status_.last_acknowledged, ack.step);
  changed_.notify_all();
  return found;
}

void Queue::welcomed() {
  std::lock_guard lock(mutex_);
  ++progress_;
  status_.connected = 1;
  changed_.notify_all();
}

void Queue::reject(int64_t step, const std::string& why) {
  StepPtr freed;
  std::lock_guard lock(mutex_);
  error_ = why;
  const auto at =
      std::find_if(steps_.begin(), steps_.end(), [=](const StepPtr& s) { return s->step == step; });
  if (at == steps_.end()) return;
  freed = *at;
  steps_.erase(at);
  ++status_.steps_rejected;
  record_lost(step);
  changed_.notify_all();
}

std::vector<StepPtr> Queue::take_all() {
  std::lock_guard lock(mutex_);
  std::vector<StepPtr> all(steps_.begin(), steps_.end());
  steps_.clear();
  changed_.notify_all();
  return all;
}

void Queue::drop(int64_t step, const std::string& why) {
  std::lock_guard lock(mutex_);
  ++status_.steps_dropped;
  record_lost(step);
  error_ = why;
}

void Queue::spilled(int64_t steps) {
  std::lock_guard lock(mutex_);
  status_.steps_spilled += steps;
}

void Queue::disconnected(const std::string& why) {
  std::lock_guard lock(mutex_);
  if (status_.connected) ++status_.reconnects;
  status_.connected = 0;
  if (!why.empty()) error_ = why;
}

void Queue::refuse(const std::string& why) {
  std::lock_guard lock(mutex_);
  status_.connected = 0;
  status_.refused = 1;
  refused_ = true;
  error_ = why;
  changed_.notify_all();
}

void Queue::remark(const std::string& sentence) {
  std::lock_guard lock(mutex_);
  error_ = sentence;
}

void Queue::error(const std::string& sentence) {
  std::lock_guard lock(mutex_);
  ++status_.errors;
  error_ = sentence;
}

void Queue::sent(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  status_.bytes_sent += bytes;
}

void Queue::ended(uint64_t bytes) {
  std::lock_guard lock(mutex_);
  ++status_.steps_ended;
  status_.bytes_put += bytes;
}

void Queue::blocked(double seconds) {
  std::lock_guard lock(mutex_);
  status_.blocked_seconds += seconds;
}

uint64_t Queue::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

bool Queue::wait_empty(std::chrono::steady_clock::time_point deadline,
                       std::chrono::steady_clock::time_point answer_by) {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return steps_.empty() || status_.refused; };
  changed_.wait_until(lock, std::min(deadline, answer_by), [&] { return over() || progress_ > 0; });
  if (progress_ > 0) changed_.wait_until(lock, deadline, over);
  return steps_.empty();
}

bool Queue::wait_connected(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return status_.connected || status_.refused; });
  return status_.connected != 0;
}

gaussitu_status Queue::status() const {
  std::lock_guard lock(mutex_);
  auto status = status_;
  status.steps_pending = static_cast<int64_t>(steps_.size());
  return status;
}

std::vector<int64_t> Queue::dropped_steps() const {
  std::lock_guard lock(mutex_);
  return {lost_.begin(), lost_.end()};
}

std::string Queue::last_error() const {
  std::lock_guard lock(mutex_);
  return error_;
}

void Queue::record_lost(int64_t step) {
  lost_.push_back(step);
  if (lost_.size() > kLostKept) lost_.pop_front();
}

}  // namespace gaussitu::client
