#include "options.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "mesh.hpp"
#include "status.hpp"

namespace gaussitu::client {
namespace {

const char* environment(const char* name) {
  const char* text = std::getenv(name);
  return text && *text ? text : nullptr;
}

void override_text(const char* name, std::string& value) {
  if (const char* text = environment(name)) value = text;
}

/// A number with k, M or G (powers of 1000), or Ki, Mi, Gi (powers of 1024).
double number(const char* name, const char* text) {
  char* end = nullptr;
  double value = std::strtod(text, &end);
  if (end != text && *end) {
    static constexpr char suffixes[] = "kMG";
    const char* suffix = std::strchr(suffixes, *end == 'K'   ? 'k'
                                               : *end == 'm' ? 'M'
                                               : *end == 'g' ? 'G'
                                                             : *end);
    if (suffix) {
      const bool binary = end[1] == 'i';
      value *= std::pow(binary ? 1024.0 : 1000.0, suffix - suffixes + 1);
      end += binary ? 2 : 1;
    }
  }
  if (end == text || *end || !std::isfinite(value) || value < 0)
    invalid(std::string("environment variable ") + name +
            ": expected a number of 0 or more, like 30 or 512M, received \"" + text + "\"");
  return value;
}

void override_number(const char* name, double& value) {
  if (const char* text = environment(name)) value = number(name, text);
}

gaussitu_policy policy_of(const char* text) {
  static constexpr const char* names[] = {"block", "drop", "spill", "off"};
  for (int i = 0; i < 4; ++i)
    if (std::strcmp(text, names[i]) == 0) return static_cast<gaussitu_policy>(i);
  invalid(
      std::string("environment variable GAUSSITU_POLICY: expected block, drop, spill or off, received \"") +
      text + "\"");
}

void check_run(const std::string& run) {
  const auto good = [](unsigned char c) {
    return (c < 128 && std::isalnum(c)) || c == '.' || c == '_' || c == '-';
  };
  if (run.empty() || run.size() > 200 || run[0] == '.' || !std::all_of(run.begin(), run.end(), good))
    invalid("option run: expected 1 to 200 of A-Z a-z 0-9 . _ -, not starting with a dot, received \"" +
            run.substr(0, 60) + "\" (set it, or the environment variable GAUSSITU_RUN)");
}

void check_seconds(const char* name, double value, bool zero) {
  if (!std::isfinite(value) || value < 0 || (!zero && value == 0) || value > 1e9)
    invalid(std::string("option ") + name + ": expected seconds " + (zero ? "of 0 or more" : "above 0") +
            ", received " + std::to_string(value));
}

}  // namespace

void default_options(gaussitu_options& o) {
  o = {};
  o.size = sizeof o;
  o.ranks = 1;
  o.policy = GAUSSITU_BLOCK;
  o.block_seconds = 60;
  o.liveness_seconds = 30;
  o.buffer_bytes = uint64_t{512} << 20;
}

Target checked_target(gaussitu_target_kind kind, double value, const std::string& field) {
  if (kind == GAUSSITU_TARGET_NONE) return {};
  const bool bound = kind == GAUSSITU_TARGET_ABS || kind == GAUSSITU_TARGET_REL;
  if (kind < GAUSSITU_TARGET_NONE || kind > GAUSSITU_TARGET_PW_REL || !std::isfinite(value) || value < 0 ||
      (value == 0 && !bound) || (value >= 1 && kind == GAUSSITU_TARGET_PW_REL))
    invalid("target of field " + field +
            ": expected ratio, psnr or bytes with a value above 0, abs or rel with at least 0, or pw_rel "
            "between 0 and 1, received "
            "kind " +
            std::to_string(static_cast<int>(kind)) + " with " + std::to_string(value));
  return {kind, value};
}

Options resolve_options(const gaussitu_options& caller) {
  // A caller compiled against an older header has a shorter struct: what it does not know stays default.
  gaussitu_options given;
  default_options(given);
  if (caller.size < offsetof(gaussitu_options, meta))
    invalid("gaussitu_options: expected a struct set up by gaussitu_options_init, received size " +
            std::to_string(caller.size));
  std::memcpy(&given, &caller, std::min(caller.size, sizeof given));

  Options o;
  o.endpoint = given.endpoint ? given.endpoint : "tcp://127.0.0.1:5555";
  o.run = given.run ? given.run : "";
  o.client = given.client ? given.client : "gaussitu-client";
  o.spill_dir = given.spill_dir ? given.spill_dir : "gaussitu-spill";
  o.rank = given.rank;
  o.ranks = given.ranks;
  o.policy = given.policy;
  o.block_seconds = given.block_seconds;
  o.liveness_seconds = given.liveness_seconds;
  o.checksum = given.checksum != 0;
  auto buffer = static_cast<double>(given.buffer_bytes);
  double checksum = o.checksum;

  override_text("GAUSSITU_ENDPOINT", o.endpoint);
  override_text("GAUSSITU_RUN", o.run);
  override_text("GAUSSITU_SPILL_DIR", o.spill_dir);
  override_number("GAUSSITU_BLOCK_SECONDS", o.block_seconds);
  override_number("GAUSSITU_LIVENESS_SECONDS", o.liveness_seconds);
  override_number("GAUSSITU_BUFFER_BYTES", buffer);
  override_number("GAUSSITU_CHECKSUM", checksum);
  if (const char* text = environment("GAUSSITU_POLICY")) o.policy = policy_of(text);

  o.checksum = checksum != 0;
  o.buffer_bytes = static_cast<uint64_t>(std::min(buffer, 1e18));
  if (o.policy < GAUSSITU_BLOCK || o.policy > GAUSSITU_OFF)
    invalid("option policy: expected one of gaussitu_policy, received " + std::to_string(o.policy));
  check_run(o.run);
  if (o.rank < 0 || o.rank >= o.ranks || o.ranks > 65536)
    invalid("options rank, ranks: expected 0 <= rank < ranks <= 65536, received " + std::to_string(o.rank) +
            " of " + std::to_string(o.ranks));
  check_seconds("block_seconds", o.block_seconds, true);
  check_seconds("liveness_seconds", o.liveness_seconds, false);
  for (size_t i = 0; i < given.meta_count; ++i)
    o.meta.emplace_back(checked_name(given.meta[i].key, "meta key"),
                        given.meta[i].value ? given.meta[i].value : "");
  for (size_t i = 0; i < given.target_count; ++i) {
    auto field = checked_name(given.targets[i].field, "target field");
    const auto target = checked_target(given.targets[i].kind, given.targets[i].value, field);
    if (target.kind != GAUSSITU_TARGET_NONE) o.targets.emplace_back(std::move(field), target);
  }
  return o;
}

}  // namespace gaussitu::client
