#include "options.hpp"

#include <strings.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "mesh.hpp"
#include "status.hpp"

namespace gaussitu::client {
namespace {

/// A number with k, M or G (powers of 1000), or Ki, Mi, Gi (powers of 1024).
double number(const std::string& what, const char* text) {
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
    invalid(what + ": expected a number of 0 or more, like 30 or 512M, received \"" + text + "\"");
  return value;
}

int32_t whole(const std::string& what, const char* text) {
  const double value = number(what, text);
  if (value != std::floor(value) || value > 65536)
    invalid(what + ": expected a whole number up to 65536, received \"" + text + "\"");
  return static_cast<int32_t>(value);
}

gaussitu_policy policy_of(const std::string& what, const char* text) {
  static constexpr const char* names[] = {"block", "drop", "spill", "off"};
  for (int i = 0; i < 4; ++i)
    if (strcasecmp(text, names[i]) == 0) return static_cast<gaussitu_policy>(i);
  invalid(what + ": expected block, drop, spill or off, received \"" + text + "\"");
}

void apply_environment(gaussitu_options& o) {
  for (const char* option : {"endpoint", "run", "policy", "block_seconds", "buffer_bytes", "spill_dir",
                             "liveness_seconds", "checksum"}) {
    std::string name = std::string("GAUSSITU_") + option;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const char* text = std::getenv(name.c_str());
    if (text && *text) set_option(o, option, text, "environment variable " + name);
  }
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

void set_option(gaussitu_options& o, const std::string& option, const char* text, const std::string& what) {
  if (option == "endpoint") {
    o.endpoint = text;
  } else if (option == "run") {
    o.run = text;
  } else if (option == "spill_dir") {
    o.spill_dir = text;
  } else if (option == "policy") {
    o.policy = policy_of(what, text);
  } else if (option == "block_seconds") {
    o.block_seconds = number(what, text);
  } else if (option == "liveness_seconds") {
    o.liveness_seconds = number(what, text);
  } else if (option == "buffer_bytes") {
    o.buffer_bytes = static_cast<uint64_t>(std::min(number(what, text), 1e18));
  } else if (option == "checksum") {
    o.checksum = number(what, text) != 0;
  } else if (option == "rank") {
    o.rank = whole(what, text);
  } else if (option == "ranks") {
    o.ranks = whole(what, text);
  } else {
    invalid(what + ": expected an option of gaussitu_options that has a text form");
  }
}

Target target_from_text(const std::string& kind, const char* value) {
  // In the order of gaussitu_target_kind.
  static constexpr const char* names[] = {"none", "ratio", "psnr", "bytes", "abs", "rel", "pw_rel"};
  const auto* found = std::find(std::begin(names) + 1, std::end(names), kind);
  if (found == std::end(names))
    invalid("target: expected ratio, psnr, bytes, abs, rel or pw_rel, received \"" + kind + "\"");
  return checked_target(static_cast<gaussitu_target_kind>(found - names), number("target " + kind, value),
                        "*");
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

  if (!given.ignore_environment) apply_environment(given);

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
  o.buffer_bytes = given.buffer_bytes;
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
