#include "stream.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace gaussitu::adios2_adapter {
namespace {

constexpr int64_t kBlocksPerRank = 1 << 16;

std::string dims_text(const std::array<int64_t, 3>& d) {
  return std::to_string(d[0]) + "x" + std::to_string(d[1]) + "x" + std::to_string(d[2]);
}

/// Names of fields and meshes have no slash; ADIOS2's often do.
std::string field_name(std::string name) {
  std::replace(name.begin(), name.end(), '/', ':');
  return name;
}

}  // namespace

Stream::Stream(const Settings& settings, int rank, int ranks)
    : settings_(settings), rank_(rank), client_(client_options(settings_, rank, ranks), 0) {
  if (!client_.ok()) throw std::invalid_argument("gaussitu: " + client_.error());
  say(2, "run " + settings_.options.at("run") + ", rank " + std::to_string(rank) + " of " +
             std::to_string(ranks));
}

Stream::~Stream() {
  deferred_.clear();  // without a Close nobody promises that their arrays are still there
  close();
}

void Stream::begin_step() {
  if (in_step_ || closed_) return;
  step_++;
  in_step_ = true;
  check(client_.begin_step(step_, static_cast<double>(step_)), "begin of step " + std::to_string(step_));
}

void Stream::end_step() {
  perform_puts();
  if (!in_step_) return;
  in_step_ = false;
  check(client_.end_step(), "step " + std::to_string(step_));
  const auto s = client_.status();
  say(2, "step " + std::to_string(step_) + " handed over; " + std::to_string(s.steps_acknowledged) +
             " durable, " + std::to_string(s.steps_dropped) + " dropped");
}

void Stream::put(const Block& block, bool deferred) {
  if (deferred) {
    deferred_.push_back(block);
  } else {
    send(block);
  }
}

void Stream::perform_puts() {
  for (const Block& block : deferred_) send(block);
  deferred_.clear();
}

void Stream::send(const Block& block) {
  if (values(block) == 0) return;
  begin_step();  // programs that know no steps have one
  const Box box = box_of(block);
  std::vector<unsigned char> data;
  try {
    data = gather(block);
  } catch (const std::invalid_argument& error) {
    refuse(block.name, error.what());
    return;
  }
  Grid& grid = grid_of(block, box);
  const std::string name = field_name(block.name);
  gaussitu::Field field;
  field.name = name.c_str();
  field.mesh = grid.mesh.c_str();
  field.block = block_number(grid, box);
  field.dtype = block.dtype;
  field.count = static_cast<int64_t>(values(block));
  field.components = block.components;
  field.target_kind = block.target.kind;
  field.target = block.target.value;
  check(gaussitu_put_field(client_.handle(), &field, data.data()), "variable " + block.name);
}

Stream::Grid& Stream::grid_of(const Block& block, const Box& box) {
  // Arrays of one shape share a grid; a local array has one of its own, as its blocks belong to nothing
  // whole.
  const std::string key = box.global ? "grid_" + dims_text(box.shape) : "local_" + field_name(block.name);
  Grid& grid = grids_[key];
  grid.mesh = key;
  return grid;
}

int64_t Stream::block_number(Grid& grid, const Box& box) {
  const auto known = std::find(grid.boxes.begin(), grid.boxes.end(), box);
  const auto index = static_cast<int64_t>(known - grid.boxes.begin());
  const int64_t block = rank_ * kBlocksPerRank + std::min(index, kBlocksPerRank - 1);
  if (known != grid.boxes.end()) return block;
  grid.boxes.push_back(box);
  gaussitu_grid g{};
  std::array<double, 3> origin{};
  for (size_t axis = 0; axis < 3; axis++) {
    g.dims[axis] = box.count[axis];
    g.start[axis] = box.start[axis];
    g.global_dims[axis] = box.global ? box.shape[axis] : 0;
    origin[axis] = settings_.origin[axis] + static_cast<double>(box.start[axis]) * settings_.spacing[axis];
  }
  const std::array<double, 3> spacing{settings_.spacing[0], settings_.spacing[1], settings_.spacing[2]};
  check(client_.define_uniform(grid.mesh.c_str(), block, g, origin, spacing), "grid " + grid.mesh);
  return block;
}

void Stream::number(const std::string& name, double value) {
  numbers(name, {value});
  if (name == settings_.time_variable && in_step_ && std::isfinite(value)) client_.set_time(value);
}

void Stream::numbers(const std::string& name, const std::vector<double>& values) {
  begin_step();
  check(gaussitu_put_numbers(client_.handle(), field_name(name).c_str(), values.data(),
                             static_cast<int64_t>(values.size())),
        "value " + name);
}

void Stream::text(const std::string& name, const std::string& value) {
  begin_step();
  check(client_.put_text(field_name(name).c_str(), value.c_str()), "value " + name);
}

void Stream::refuse(const std::string& name, const std::string& why) {
  if (settings_.strict) throw std::invalid_argument("gaussitu: variable " + name + ": " + why);
  if (refused_.insert(name).second) say(0, "variable " + name + " is left out: " + why);
}

void Stream::check(int status, const std::string& what) {
  if (status == GAUSSITU_OK) return;
  // Once per kind of trouble: a service that is gone must not fill the simulation's output.
  const std::string kind = status < 0 ? what + gaussitu_status_name(status) : gaussitu_status_name(status);
  if (warned_.insert(kind).second || settings_.verbose >= 2) say(0, what + ": " + client_.error());
}

void Stream::close() {
  if (closed_) return;
  end_step();
  closed_ = true;
  const auto waited = client_.flush(settings_.close_seconds);
  const auto s = client_.status();
  const int status = client_.close(waited == GAUSSITU_OK ? 5 : 0);
  const bool lost = s.steps_dropped > 0 || s.steps_rejected > 0 || status != GAUSSITU_OK;
  char text[256];
  std::snprintf(text, sizeof text, "%lld of %lld steps durable, %lld dropped, %.1f MB to %.1f MB",
                static_cast<long long>(s.steps_acknowledged), static_cast<long long>(s.steps_ended),
                static_cast<long long>(s.steps_dropped), static_cast<double>(s.raw_bytes) / 1e6,
                static_cast<double>(s.stored_bytes) / 1e6);
  const std::string reason = client_.error();
  say(lost ? 0 : 1, text + (reason.empty() || !lost ? std::string() : "; " + reason));
}

void Stream::say(int level, const std::string& sentence) const {
  if (level > settings_.verbose) return;
  if (level > 0 && rank_ > 0) return;
  std::fprintf(stderr, "gaussitu[%d]: %s\n", rank_, sentence.c_str());
}

}  // namespace gaussitu::adios2_adapter
