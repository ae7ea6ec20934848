#include "settings.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace gaussitu::adios2_adapter {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

[[noreturn]] void bad(const std::string& key, const std::string& expected, const std::string& received) {
  throw std::invalid_argument("gaussitu: parameter " + key + ": expected " + expected + ", received \"" +
                              received + "\"");
}

double number(const std::string& key, const std::string& text, double least) {
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size() || !std::isfinite(value) || value < least)
    bad(key, least > 0 ? "a number above 0" : "a number of at least 0", text);
  return value;
}

void three(const std::string& key, const std::string& text, double out[3]) {
  std::vector<double> values;
  std::string rest = text;
  std::replace(rest.begin(), rest.end(), ',', ' ');
  for (size_t at = 0; (at = rest.find_first_not_of(' ', at)) != std::string::npos;) {
    const size_t end = std::min(rest.find(' ', at), rest.size());
    try {
      values.push_back(std::stod(rest.substr(at, end - at)));
    } catch (const std::exception&) {
      bad(key, "three numbers (x y z)", text);
    }
    at = end;
  }
  if (values.size() != 3) bad(key, "three numbers (x y z)", text);
  std::copy(values.begin(), values.end(), out);
}

gaussitu_policy policy_of(const std::string& key, const std::string& text) {
  const std::string name = lower(text);
  if (name == "block") return GAUSSITU_BLOCK;
  if (name == "drop") return GAUSSITU_DROP;
  if (name == "spill") return GAUSSITU_SPILL;
  if (name == "off") return GAUSSITU_OFF;
  bad(key, "block, drop, spill or off", text);
}

bool yes(const std::string& key, const std::string& text) {
  const std::string word = lower(text);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  bad(key, "true or false", text);
}

/// Run ids have letters, digits, dot, dash and underscore: "data/gs.bp" becomes "gs".
std::string run_of(const std::string& stream_name) {
  std::string name = stream_name.substr(stream_name.find_last_of('/') + 1);
  name = name.substr(0, name.find_last_of('.'));
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '_';
  while (!name.empty() && name[0] == '.') name.erase(0, 1);
  return name.empty() ? "adios2" : name.substr(0, 200);
}

size_t distance(const std::string& a, const std::string& b) {  // Levenshtein
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) row[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t swap = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, swap});
    }
  }
  return row.back();
}

}  // namespace

Settings read_settings(const Parameters& parameters, const std::string& stream_name) {
  Settings s;
  s.run = run_of(stream_name);
  using Set = std::function<void(const std::string& key, const std::string& value)>;
  const auto target = [&](gaussitu_target_kind kind, double least) -> Set {
    return [&s, kind, least](const std::string& key, const std::string& value) {
      if (s.target.kind != GAUSSITU_TARGET_NONE) bad(key, "one of Ratio, PSNR, Bytes, Abs, Rel only", value);
      s.target.kind = kind;
      s.target.value = number(key, value, least);
    };
  };
  constexpr double tiny = 1e-300;
  const std::map<std::string, Set> known = {
      {"endpoint", [&](auto&, auto& v) { s.endpoint = v; }},
      {"run", [&](auto&, auto& v) { s.run = v; }},
      {"policy", [&](auto& k, auto& v) { s.policy = policy_of(k, v); }},
      {"blockseconds", [&](auto& k, auto& v) { s.block_seconds = number(k, v, 0); }},
      {"closeseconds", [&](auto& k, auto& v) { s.close_seconds = number(k, v, 0); }},
      {"bufferbytes", [&](auto& k, auto& v) { s.buffer_bytes = static_cast<uint64_t>(number(k, v, tiny)); }},
      {"spilldir", [&](auto&, auto& v) { s.spill_dir = v; }},
      {"ratio", target(GAUSSITU_TARGET_RATIO, tiny)},
      {"psnr", target(GAUSSITU_TARGET_PSNR, tiny)},
      {"bytes", target(GAUSSITU_TARGET_BYTES, tiny)},
      {"abs", target(GAUSSITU_TARGET_ABS, 0)},
      {"rel", target(GAUSSITU_TARGET_REL, 0)},
      {"time", [&](auto&, auto& v) { s.time_variable = v; }},
      {"spacing", [&](auto& k, auto& v) { three(k, v, s.spacing); }},
      {"origin", [&](auto& k, auto& v) { three(k, v, s.origin); }},
      {"verbose", [&](auto& k, auto& v) { s.verbose = static_cast<int>(number(k, v, 0)); }},
      {"wholerowmajor", [&](auto& k, auto& v) { s.whole_row_major = yes(k, v); }},
      {"strict", [&](auto& k, auto& v) { s.strict = yes(k, v); }},
      {"pluginname", [](auto&, auto&) {}},
      {"pluginlibrary", [](auto&, auto&) {}},
  };
  for (const auto& [key, value] : parameters) {
    const std::string name = lower(key);
    const auto found = known.find(name);
    if (found != known.end()) {
      found->second(key, value);
      continue;
    }
    const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
      return distance(name, a.first) < distance(name, b.first);
    });
    throw std::invalid_argument("gaussitu: unknown parameter " + key + " (did you mean " + nearest->first +
                                "? docs/adios2.md lists all)");
  }
  return s;
}

gaussitu_target operation_target(const std::string& type, const Parameters& parameters,
                                 size_t element_bytes) {
  gaussitu_target target{nullptr, GAUSSITU_TARGET_NONE, 0};
  bool relative = false;
  for (const auto& [key, value] : parameters) {
    const std::string name = lower(key);
    const std::string of = "of operation " + type + ", " + key;
    if (name == "mode" || name == "errorboundmode")
      relative = lower(value) == "rel" || lower(value) == "relative";
    if (name == "accuracy" || name == "tolerance" || name == "abs" || name == "abserrorbound") {
      target.kind = GAUSSITU_TARGET_ABS;
      target.value = number(of, value, 0);
    } else if (name == "rel" || name == "relative" || name == "relboundratio" || name == "relerrorbound") {
      target.kind = GAUSSITU_TARGET_REL;
      target.value = number(of, value, 0);
    } else if (name == "rate") {
      target.kind = GAUSSITU_TARGET_RATIO;  // bits per value
      target.value = 8.0 * static_cast<double>(element_bytes) / number(of, value, 1e-300);
    }
  }
  if (relative && target.kind == GAUSSITU_TARGET_ABS) target.kind = GAUSSITU_TARGET_REL;
  return target;
}

}  // namespace gaussitu::adios2_adapter
