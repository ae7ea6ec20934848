#include "client.hpp"

#include <algorithm>
#include <cmath>

#include "status.hpp"

namespace gaussitu::client {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point deadline(double seconds) {
  const double sane = std::isfinite(seconds) ? std::clamp(seconds, 0.0, 1e8) : (seconds > 0 ? 1e8 : 0.0);
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(sane));
}

std::string step_text(int64_t step) {
  return "step " + std::to_string(step);
}

}  // namespace

Client::Client(Options options)
    : options_(std::move(options)),
      budget_(std::make_shared<Budget>(options_.buffer_bytes)),
      copies_(options_.buffer_bytes),
      spill_(options_) {
  if (off()) return;
  if (const auto hello = hello_header(options_).size(); hello > kMaxHeader)
    invalid("options meta and targets: expected at most 64 KiB in all, received " + std::to_string(hello));
  sender_ = std::make_unique<Sender>(options_, queue_, spill_, *budget_);
}

void Client::define(MeshPtr mesh) {
  if (current_)
    for (const auto& f : current_->fields)
      if (f.mesh->name == mesh->name && f.mesh->block == mesh->block)
        throw Failure(GAUSSITU_E_STATE,
                      "mesh " + mesh->name + ": expected it to be replaced between steps, " +
                          step_text(current_->step) + " already has field " + f.name + " on it");
  meshes_[{mesh->name, mesh->block}] = std::move(mesh);
}

const Mesh& Client::mesh(const char* name, int64_t block) const {
  const std::string mesh = checked_name(name, "mesh name");
  return *defined(mesh, block, "mesh " + mesh);
}

MeshPtr Client::defined(const std::string& mesh, int64_t block, const std::string& what) const {
  const auto found = meshes_.find({mesh, block});
  if (found == meshes_.end())
    invalid(what + ": mesh " + mesh + ", block " + std::to_string(block) +
            " is not defined (call gaussitu_define_… first)");
  return found->second;
}

int Client::begin_step(int64_t step, double time) {
  if (current_)
    throw Failure(GAUSSITU_E_STATE, "begin_step " + std::to_string(step) + ": expected end_step of " +
                                        step_text(current_->step) + " first");
  if (step <= last_step_ || step < 0)
    invalid("begin_step: expected a step above " + std::to_string(last_step_) + ", received " +
            std::to_string(step));
  if (!std::isfinite(time)) invalid("begin_step: expected a finite time");
  last_step_ = step;
  current_ = std::make_shared<Step>();
  current_->step = step;
  current_->time = time;
  copied_ = 0;
  fate_ = GAUSSITU_OK;
  if (!queue_.refused()) return GAUSSITU_OK;
  fate_ = options_.policy == GAUSSITU_SPILL ? GAUSSITU_SPILLED : GAUSSITU_E_REFUSED;
  return fate_;
}

FieldData Client::describe(const gaussitu_field& field) const {
  FieldData f;
  f.name = checked_name(field.name, "field name");
  const std::string what = "field " + f.name;
  const std::string mesh = checked_name(field.mesh, "mesh name");
  f.mesh = defined(mesh, field.block, what);
  f.association = field.association;
  f.dtype = field.dtype;
  f.count = field.count;
  f.components = field.components;
  f.units = field.units ? std::string(field.units).substr(0, 200) : "";
  f.target = checked_target(field.target_kind, field.target, f.name);
  if (f.association != GAUSSITU_NODE && f.association != GAUSSITU_CELL)
    invalid(what + ": expected association node or cell, received " + std::to_string(f.association));
  if (dtype_bytes(f.dtype) == 0)
    invalid(what + ": expected one of gaussitu_dtype, received " + std::to_string(f.dtype));
  if (f.components < 1 || f.components > 9)
    invalid(what + ": expected 1 to 9 components, received " + std::to_string(f.components));
  const int64_t expected = f.association == GAUSSITU_CELL ? f.mesh->cells : f.mesh->nodes;
  if (f.count != expected)
    invalid(what + ": expected " + std::to_string(expected) +
            (f.association == GAUSSITU_CELL ? " cell values" : " node values") + " on mesh " + mesh +
            ", received " + std::to_string(f.count));
  for (const auto& other : current_->fields)
    if (other.name == f.name && other.mesh->name == f.mesh->name && other.mesh->block == f.mesh->block)
      invalid(what + ": was already put in " + step_text(current_->step));
  f.array.size = static_cast<uint64_t>(f.count) * static_cast<uint64_t>(f.components) * dtype_bytes(f.dtype);
  return f;
}

int Client::put_field(const gaussitu_field& field, const void* data, std::shared_ptr<const void> borrowed) {
  return put(field, {data, std::move(borrowed)});
}

int Client::put_device_field(const gaussitu_field& field, const void* data, void* stream) {
  return put(field, {data, nullptr, true, stream});
}

int Client::put(const gaussitu_field& field, const Values& values) {
  if (!current_) throw Failure(GAUSSITU_E_STATE, "put_field: expected begin_step first");
  auto f = describe(field);
  if (!values.data && f.array.size) invalid("field " + f.name + ": data is NULL");
  if (fate_ != GAUSSITU_OK && fate_ != GAUSSITU_SPILLED) return fate_;
  try {
    return store(f, values);
  } catch (const Failure& failure) {
    give_up(failure.what());
    fate_ = failure.status;
    throw;
  }
}

int Client::store(FieldData& f, const Values& values) {
  if (fate_ == GAUSSITU_OK && values.borrowed != nullptr) {
    f.array.memory = borrow_bytes(values.borrowed, f.array.size);
  } else if (fate_ == GAUSSITU_OK && reserve(f.array.size)) {
    f.array.memory = values.on_device ? copies_.start(values.data, f.array.size, values.stream, budget_)
                                      : copy_bytes(values.data, f.array.size, budget_);
    copied_ += f.array.size;
  } else if (options_.policy == GAUSSITU_SPILL) {
    if (fate_ == GAUSSITU_OK) start_spilling();
    if (values.on_device)
      spill_.write(f, copies_.now(values.data, f.array.size, values.stream).data());
    else
      spill_.write(f, values.data);
  } else {
    if (const uint64_t own = copied_ + f.array.size; own > options_.buffer_bytes)
      throw Failure(GAUSSITU_E_MEMORY, step_text(current_->step) + ": expected it to fit the buffer of " +
                                           std::to_string(options_.buffer_bytes) + " bytes, received " +
                                           std::to_string(own) + " so far (raise buffer_bytes)");
    give_up(step_text(current_->step) + " dropped: no room in the buffer of " +
            std::to_string(options_.buffer_bytes) + " bytes, the service is slow or gone");
    return fate_ = queue_.refused() ? GAUSSITU_E_REFUSED : GAUSSITU_DROPPED;
  }
  current_->fields.push_back(std::move(f));
  return fate_;
}

bool Client::reserve(uint64_t bytes) {
  if (budget_->try_take(bytes)) return true;
  // Waiting cannot help a step larger than the buffer, nor (again) when nothing moved since the last wait.
  if (options_.policy != GAUSSITU_BLOCK || copied_ + bytes > budget_->limit() ||
      queue_.progress() == impatient_since_)
    return false;
  const auto start = Clock::now();
  const bool room =
      budget_->take_until(bytes, deadline(options_.block_seconds), [&] { return queue_.refused(); });
  queue_.blocked(std::chrono::duration<double>(Clock::now() - start).count());
  if (!room) impatient_since_ = queue_.progress();
  return room;
}

void Client::start_spilling() {
  fate_ = GAUSSITU_SPILLED;
  copies_.wait();
  for (auto& f : current_->fields) {
    const auto memory = f.array.memory;
    spill_.write(f, memory->data());
  }
  queue_.remark(step_text(current_->step) + " spilled to " + spill_.folder());
}

void Client::give_up(const std::string& why) {
  try {
    copies_.wait();           // into memory that goes now
  } catch (const Failure&) {  // nobody will read it
  }
  spill_.abandon(*current_);
  current_->fields.clear();
  queue_.remark(why);
}

int Client::set_time(double time) {
  if (!current_) throw Failure(GAUSSITU_E_STATE, "set_time: expected begin_step first");
  if (!std::isfinite(time)) invalid("set_time: expected a finite time");
  current_->time = time;
  return GAUSSITU_OK;
}

int Client::put_value(const char* given, StepValue value) {
  if (!current_) throw Failure(GAUSSITU_E_STATE, "put_number, put_text: expected begin_step first");
  auto name = checked_name(given, "value name");
  auto& values = current_->values;
  const auto old =
      std::find_if(values.begin(), values.end(), [&](const auto& entry) { return entry.first == name; });
  const bool replaced = old != values.end();
  auto before = replaced ? std::move(old->second) : StepValue();
  if (replaced) {
    old->second = std::move(value);
  } else {
    values.emplace_back(name, std::move(value));
  }
  size_t items = 8;
  for (const auto& [_, v] : values)
    items += 2 + (std::holds_alternative<std::string>(v) ? 0 : std::get<0>(v).size());
  if (items <= kMaxItems && end_header(*current_).size() <= kMaxHeader) return GAUSSITU_OK;
  if (replaced) {
    old->second = std::move(before);
  } else {
    values.pop_back();
  }
  invalid("value " + name + ": expected at most 4000 numbers and 64 KiB of values in a step");
}

int Client::end_step() {
  if (!current_) throw Failure(GAUSSITU_E_STATE, "end_step: expected begin_step first");
  try {
    copies_.wait();
    if (fate_ == GAUSSITU_SPILLED) spill_.commit(*current_);
  } catch (const Failure& failure) {
    give_up(failure.what());
    fate_ = failure.status;
  }
  const auto step = std::move(current_);
  current_ = nullptr;
  queue_.ended(step->bytes());
  if (fate_ != GAUSSITU_OK && fate_ != GAUSSITU_SPILLED) {
    queue_.drop(step->step, queue_.last_error());
    return fate_;
  }
  if (fate_ == GAUSSITU_SPILLED) queue_.spilled(1);
  queue_.push(step);
  sender_->wake();
  return fate_;
}

int Client::wait_connected(double seconds) {
  if (queue_.wait_connected(deadline(seconds))) return GAUSSITU_OK;
  return queue_.refused() ? GAUSSITU_E_REFUSED : GAUSSITU_TIMEOUT;
}

int Client::flush(double seconds) {
  if (wait_stored(deadline(seconds))) return GAUSSITU_OK;
  return queue_.refused() ? GAUSSITU_E_REFUSED : GAUSSITU_TIMEOUT;
}

bool Client::wait_stored(Clock::time_point until) {
  return queue_.wait_empty(until, deadline(options_.liveness_seconds));
}

int Client::close(double seconds, std::string& report) {
  if (off()) return GAUSSITU_OK;
  const auto until = deadline(seconds);
  if (current_) {
    const int64_t step = current_->step;
    give_up(step_text(step) + " dropped: it was begun and not ended before close");
    current_.reset();
    queue_.drop(step, queue_.last_error());
  }
  wait_stored(until);
  // Even in a hurry the goodbye gets a moment, else the service waits in vain for this rank.
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  sender_->stop(std::clamp(left, std::chrono::milliseconds(500), std::chrono::milliseconds(5000)));
  size_t lost = options_.policy == GAUSSITU_SPILL ? spill_rest() : 0;
  const bool refused = queue_.refused();
  const std::string reason = refused || queue_.answered()
                                 ? queue_.last_error()
                                 : "no service answered at " + options_.endpoint + " (is it running?)";
  for (const auto& step : queue_.take_all()) {
    queue_.drop(step->step, reason);
    ++lost;
  }

  const auto status = queue_.status();
  report.clear();
  if (lost > 0 || (refused && status.steps_dropped > 0)) {
    report = std::to_string(status.steps_dropped) + " steps are not known to be stored" +
             (reason.empty() ? " (the service did not acknowledge them in time)" : "; last: " + reason);
    return refused ? GAUSSITU_E_REFUSED : GAUSSITU_TIMEOUT;
  }
  if (status.steps_spilled > 0) {
    report = std::to_string(status.steps_spilled) + " steps are raw in " + spill_.folder() +
             " (gaussitu replay reads its folders)";
    return GAUSSITU_SPILLED;
  }
  return GAUSSITU_OK;
}

size_t Client::spill_rest() {
  int64_t written = 0;
  size_t lost = 0;
  for (const auto& step : queue_.take_all()) {
    try {
      if (!step->spilled) {
        for (auto& f : step->fields) {
          const auto memory = f.array.memory;
          spill_.write(f, memory->data());
        }
        spill_.commit(*step);
        ++written;
      }
    } catch (const Failure& failure) {
      spill_.abandon(*step);
      queue_.drop(step->step, failure.what());
      ++lost;
    }
  }
  queue_.spilled(written);
  return lost;
}

gaussitu_status Client::status() const {
  auto status = queue_.status();
  status.buffer_bytes = budget_->used();
  status.buffer_peak = budget_->peak();
  return status;
}

}  // namespace gaussitu::client
