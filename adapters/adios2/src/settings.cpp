#include "settings.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace gaussitu::adios2_adapter {
namespace {

void three(const std::string& key, const std::string& text, double out[3]) {
  std::string spaced = text;
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  std::istringstream in(spaced);
  if (!(in >> out[0] >> out[1] >> out[2]) || !(in >> std::ws).eof()) bad(key, "three numbers (x y z)", text);
}

bool yes(const std::string& key, const std::string& text) {
  const std::string word = lower(text);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  bad(key, "true or false", text);
}

/// Names of the client have underscores, keys of ADIOS2 users have none: BlockSeconds is block_seconds.
std::string key_of(std::string name) {
  name.erase(std::remove(name.begin(), name.end(), '_'), name.end());
  return name;
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
  s.options["run"] = run_of(stream_name);
  using Set = std::function<void(const std::string& key, const std::string& value)>;
  std::map<std::string, Set> known = {
      {"closeseconds", [&](auto& k, auto& v) { s.close_seconds = number(k, v); }},
      {"time", [&](auto&, auto& v) { s.time_variable = v; }},
      {"spacing", [&](auto& k, auto& v) { three(k, v, s.spacing); }},
      {"origin", [&](auto& k, auto& v) { three(k, v, s.origin); }},
      {"verbose", [&](auto& k, auto& v) { s.verbose = static_cast<int>(number(k, v)); }},
      {"wholerowmajor", [&](auto& k, auto& v) { s.whole_row_major = yes(k, v); }},
      {"strict", [&](auto& k, auto& v) { s.strict = yes(k, v); }},
      {"pluginname", [](auto&, auto&) {}},
      {"pluginlibrary", [](auto&, auto&) {}},
  };
  for (const std::string option : {"endpoint", "run", "policy", "block_seconds", "buffer_bytes", "spill_dir",
                                   "liveness_seconds", "checksum"})
    known[key_of(option)] = [&s, option](auto&, auto& v) { s.options[option] = v; };
  for (const std::string kind : {"ratio", "psnr", "bytes", "abs", "rel", "pw_rel"})
    known[key_of(kind)] = [&s, kind](auto& k, auto& v) {
      if (s.target.kind != GAUSSITU_TARGET_NONE) bad(k, "one of Ratio, PSNR, Bytes, Abs, Rel, PwRel only", v);
      if (gaussitu_target_set(&s.target, kind.c_str(), v.c_str()) != GAUSSITU_OK)
        throw std::invalid_argument("gaussitu: parameter " + k + ": " + gaussitu_last_error(nullptr));
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

Options client_options(const Settings& settings, int rank, int ranks) {
  Options o;
  o.client = "adios2";
  o.rank = rank;
  o.ranks = ranks;
  for (const auto& [option, text] : settings.options)
    if (gaussitu_options_set(&o, option.c_str(), text.c_str()) != GAUSSITU_OK)
      throw std::invalid_argument("gaussitu: " + std::string(gaussitu_last_error(nullptr)));
  o.targets = &settings.target;
  o.target_count = 1;
  return o;
}

}  // namespace gaussitu::adios2_adapter
