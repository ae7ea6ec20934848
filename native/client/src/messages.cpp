#include "messages.hpp"

#include <cmath>

#include "msgpack.hpp"

namespace gaussitu::client {
namespace {

void pack_target(Packer& p, const Target& target) {
  static constexpr const char* names[] = {"", "ratio", "psnr", "bytes", "abs", "rel", "pwRel"};
  p.map(1).str(names[target.kind]).real(target.value);
}

void pack_number(Packer& p, double number) {
  constexpr double exact = 9007199254740992.0;  // every whole number up to here is a double
  if (std::isnan(number)) {
    p.str("NaN");
  } else if (std::isinf(number)) {
    p.str(number > 0 ? "Infinity" : "-Infinity");
  } else if (std::abs(number) <= exact && number == std::trunc(number)) {
    p.integer(static_cast<int64_t>(number));
  } else {
    p.real(number);
  }
}

void pack_value(Packer& p, const StepValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    p.str(*text);
    return;
  }
  const auto& numbers = std::get<std::vector<double>>(value);
  if (numbers.size() != 1) p.array(numbers.size());
  for (const double number : numbers) pack_number(p, number);
}

/// A whole number >= least; written as float by some encoders, so 3.0 counts as 3.
bool whole(const Value& map, const char* key, int64_t least, int64_t& out, std::string& reason) {
  const Value* v = map.find(key);
  if (v && v->type == Value::Type::integer) {
    out = v->integer;
  } else if (v && v->type == Value::Type::real && std::abs(v->real) <= 9007199254740992.0 &&
             v->real == static_cast<double>(static_cast<int64_t>(v->real))) {
    out = static_cast<int64_t>(v->real);
  } else {
    reason = std::string("expected the whole number ") + key +
             (v ? ", received something else" : ", it is missing");
    return false;
  }
  if (out < least) {
    reason = std::string(key) + ": expected " + std::to_string(least) + " or more, received " +
             std::to_string(out);
    return false;
  }
  return true;
}

std::string text(const Value& map, const char* key) {
  const Value* v = map.find(key);
  return v && v->type == Value::Type::string ? v->string : std::string();
}

bool read_welcome(const Value& map, Answer& answer, std::string& reason) {
  int64_t version = 0, limit = 0;
  if (!whole(map, "v", 0, version, reason)) return false;
  if (version != kProtocolVersion) {
    reason = "expected protocol version 1, the service speaks " + std::to_string(version);
    return false;
  }
  if (!whole(map, "credit", 0, answer.credit, reason)) return false;
  if (!whole(map, "committed", -1, answer.committed, reason)) return false;
  if (map.find("maxMessage") && !whole(map, "maxMessage", 0, limit, reason)) return false;
  answer.max_message = static_cast<uint64_t>(limit);
  return true;
}

bool read_ack(const Value& map, Answer& answer, std::string& reason) {
  int64_t raw = 0, stored = 0;
  if (!whole(map, "step", 0, answer.step, reason)) return false;
  if (map.find("raw") && !whole(map, "raw", 0, raw, reason)) return false;
  if (map.find("stored") && !whole(map, "stored", 0, stored, reason)) return false;
  answer.raw = static_cast<uint64_t>(raw);
  answer.stored = static_cast<uint64_t>(stored);
  return true;
}

}  // namespace

std::string hello_header(const Options& o) {
  Packer p;
  p.map(6 + size_t{!o.meta.empty()} + size_t{!o.targets.empty()});
  p.str("t").str("hello").str("v").integer(kProtocolVersion).str("run").str(o.run);
  p.str("rank").integer(o.rank).str("ranks").integer(o.ranks).str("client").str(o.client);
  if (!o.meta.empty()) {
    p.str("meta").map(o.meta.size());
    for (const auto& [key, value] : o.meta) p.str(key).str(value);
  }
  if (!o.targets.empty()) {
    p.str("targets").map(o.targets.size());
    for (const auto& [field, target] : o.targets) {
      p.str(field);
      pack_target(p, target);
    }
  }
  return p.bytes();
}

std::string mesh_header(const Mesh& mesh, bool checksum) {
  const auto& g = mesh.grid;
  const bool uniform = mesh.kind == MeshKind::uniform;
  const bool decomposed = mesh.is_grid() && g.global_dims[0] > 0;
  bool ghosts = false;
  for (const int64_t layers : g.ghost) ghosts |= mesh.is_grid() && layers > 0;

  Packer p;
  const bool patch = mesh.level >= 0;
  p.map(5 + size_t{mesh.is_grid()} + 2 * size_t{uniform} + size_t{ghosts} + 2 * size_t{decomposed} +
        size_t{patch});
  p.str("t").str("mesh").str("mesh").str(mesh.name).str("block").integer(mesh.block);
  p.str("kind").str(kind_name(mesh.kind));
  if (mesh.is_grid()) p.str("dims").integers(g.dims);
  if (uniform) p.str("origin").reals(mesh.origin).str("spacing").reals(mesh.spacing);
  if (ghosts) p.str("ghost").integers(g.ghost);
  if (decomposed) p.str("start").integers(g.start).str("global").integers(g.global_dims);
  if (patch) p.str("level").integer(mesh.level);
  p.str("arrays").array(mesh.arrays.size());
  for (const auto& a : mesh.arrays) {
    p.map(3 + size_t{checksum}).str("name").str(a.name).str("dtype").str(dtype_name(a.dtype));
    p.str("shape").integers(a.shape);
    if (checksum) p.str("crc").integer(crc32(a.bytes->data(), a.bytes->size()));
  }
  return p.bytes();
}

std::string begin_header(const Step& step) {
  return Packer()
      .map(3)
      .str("t")
      .str("begin")
      .str("step")
      .integer(step.step)
      .str("time")
      .real(step.time)
      .bytes();
}

std::string field_header(int64_t step, const FieldData& f, bool checksum, uint32_t crc) {
  const bool target = f.target.kind != GAUSSITU_TARGET_NONE;
  Packer p;
  p.map(8 + size_t{!f.units.empty()} + size_t{target} + size_t{checksum});
  p.str("t").str("field").str("step").integer(step).str("field").str(f.name);
  p.str("mesh").str(f.mesh->name).str("block").integer(f.mesh->block);
  p.str("assoc").str(f.association == GAUSSITU_CELL ? "cell" : "node").str("dtype").str(dtype_name(f.dtype));
  p.str("shape").array(f.components == 1 ? 1 : 2).integer(f.count);
  if (f.components != 1) p.integer(f.components);
  if (!f.units.empty()) p.str("units").str(f.units);
  if (target) {
    p.str("target");
    pack_target(p, f.target);
  }
  if (checksum) p.str("crc").integer(crc);
  return p.bytes();
}

std::string end_header(const Step& step) {
  Packer p;
  p.map(3 + size_t{!step.values.empty()}).str("t").str("end").str("step").integer(step.step);
  p.str("fields").integer(static_cast<int64_t>(step.fields.size()));
  if (step.values.empty()) return p.bytes();
  p.str("values").map(step.values.size());
  for (const auto& [name, value] : step.values) {
    p.str(name);
    pack_value(p, value);
  }
  return p.bytes();
}

std::string ping_header() {
  return Packer().map(1).str("t").str("ping").bytes();
}
std::string bye_header() {
  return Packer().map(1).str("t").str("bye").bytes();
}

bool parse_answer(const uint8_t* data, size_t size, Answer& answer, std::string& reason) {
  answer = Answer{};
  if (size > kMaxHeader) {
    reason = "expected a header of at most 64 KiB, received " + std::to_string(size) + " bytes";
    return false;
  }
  Value map;
  if (!unpack(data, size, map, reason)) return false;
  if (map.type != Value::Type::map) {
    reason = "expected a map";
    return false;
  }
  const std::string kind = text(map, "t");
  if (kind == "welcome") {
    answer.kind = AnswerKind::welcome;
    return read_welcome(map, answer, reason);
  }
  if (kind == "credit") {
    answer.kind = AnswerKind::credit;
    return whole(map, "bytes", 0, answer.credit, reason);
  }
  if (kind == "ack") {
    answer.kind = AnswerKind::ack;
    return read_ack(map, answer, reason);
  }
  if (kind == "refuse" || kind == "error") {
    answer.kind = kind == "refuse" ? AnswerKind::refuse : AnswerKind::error;
    answer.code = text(map, "code").substr(0, 64);
    answer.message = text(map, "message").substr(0, 2000);
    answer.field = text(map, "field");
    const Value* step = map.find("step");
    return !step || step->type == Value::Type::nil || whole(map, "step", 0, answer.step, reason);
  }
  if (kind == "pong") answer.kind = AnswerKind::pong;
  return true;
}

}  // namespace gaussitu::client
