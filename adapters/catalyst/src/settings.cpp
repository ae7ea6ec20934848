#include "settings.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

using Texts = std::map<std::string, std::string>;

const std::set<std::string>& option_names() {
  static const std::set<std::string> names = {"endpoint",         "run",       "policy",   "block_seconds",
                                              "buffer_bytes",     "spill_dir", "checksum", "rank",
                                              "liveness_seconds", "ranks"};
  return names;
}

bool known(const std::string& key) {
  static const std::set<std::string> others = {"close_seconds", "log", "fields", "targets"};
  return option_names().count(key) || others.count(key);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::vector<std::string> split(const std::string& text, const char* separators) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find_first_of(separators, at), text.size());
    if (const auto part = trimmed(text.substr(at, end - at)); !part.empty()) out.push_back(part);
    at = end + 1;
  }
  return out;
}

double number(const std::string& what, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || !std::isfinite(value))
    refuse(what + ": expected a number, received \"" + text + "\"");
  return value;
}

TargetSetting target(const std::string& what, const std::string& field, const std::string& kind,
                     const std::string& value) {
  gaussitu_target read{};
  if (gaussitu_target_set(&read, kind.c_str(), value.c_str()) != GAUSSITU_OK)
    refuse(what + ": " + gaussitu_last_error(nullptr));
  return {field, read.kind, read.value};
}

/// "velocity psnr 60; p* rel 1e-3"
std::vector<TargetSetting> targets_of(const std::string& what, const std::string& text) {
  std::vector<TargetSetting> out;
  for (const auto& entry : split(text, ";\n")) {
    const auto words = split(entry, " \t");
    if (words.size() != 3) refuse(what + ": expected FIELD KIND VALUE; …, received \"" + entry + "\"");
    out.push_back(target(what, words[0], words[1], words[2]));
  }
  return out;
}

/// "KEY = value" per line, # begins a comment; `meta.KEY = value`; targets may come in several lines.
Texts read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) refuse("setting file: cannot read \"" + path + "\": " + std::strerror(errno));
  Texts out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string text = trimmed(line.substr(0, line.find('#')));
    if (text.empty()) continue;
    const std::string where = path + ":" + std::to_string(number);
    const size_t equals = text.find('=');
    if (equals == std::string::npos) refuse(where + ": expected KEY = value, received \"" + text + "\"");
    const std::string key = trimmed(text.substr(0, equals)), value = trimmed(text.substr(equals + 1));
    if (!known(key) && key.rfind("meta.", 0) != 0) refuse(where + ": there is no setting \"" + key + "\"");
    auto& slot = out[key];
    slot = key == "targets" && !slot.empty() ? slot + ";" + value : value;
  }
  return out;
}

/// A leaf as text, so that numbers may be given as numbers.
std::string leaf_text(const Node& node) {
  if (const auto text = node.text()) return *text;
  if (const auto whole = node.integer()) return std::to_string(*whole);
  if (const auto real = node.real()) {
    std::ostringstream out;
    out.precision(17);
    out << *real;
    return out.str();
  }
  refuse("setting " + node.path() + ": expected a string or a number");
}

void read_targets(const Node& node, Settings& settings) {
  settings.targets.clear();
  for (const auto& field : node.children()) {
    const auto kinds = field.children();
    if (kinds.size() != 1)
      refuse("setting " + field.path() + ": expected one of ratio, psnr, bytes, abs, rel, pw_rel below it");
    settings.targets.push_back(
        target("setting " + field.path(), field.name(), kinds[0].name(), leaf_text(kinds[0])));
  }
}

void read_fields(const Node& node, Settings& settings) {
  settings.fields.clear();
  if (!node.is_branch()) settings.fields = split(leaf_text(node), ", \t");
  for (const auto& entry : node.children()) settings.fields.push_back(leaf_text(entry));
}

}  // namespace

Settings read_settings(const Node& root) {
  const Node own = root.at("catalyst/gaussitu");
  Settings settings;
  Texts file;
  const char* file_variable = std::getenv("GAUSSITU_FILE");
  if (const Node node = own.at("file")) {
    file = read_file(leaf_text(node));
  } else if (file_variable && *file_variable) {
    file = read_file(file_variable);
  }

  for (const auto& child : own.children()) {
    if (!known(child.name()) && child.name() != "file" && child.name() != "meta")
      refuse("setting " + child.path() + ": there is none of that name");
  }
  /// Environment before file; nodes come last, since some of them are trees.
  const auto text_of = [&](const std::string& key) -> std::string {
    const char* variable = std::getenv(("GAUSSITU_" + upper(key)).c_str());
    if (variable && *variable) return variable;
    const auto found = file.find(key);
    return found == file.end() ? "" : found->second;
  };

  for (const auto& key : option_names()) {
    const Node node = own.at(key.c_str());
    const std::string text = node ? leaf_text(node) : text_of(key);
    if (!text.empty()) settings.options[key] = text;
  }
  for (const auto& [key, value] : file)
    if (key.rfind("meta.", 0) == 0) settings.meta[key.substr(5)] = value;
  for (const auto& entry : own.at("meta").children()) settings.meta[entry.name()] = leaf_text(entry);

  settings.targets = targets_of("setting targets", text_of("targets"));
  if (const Node node = own.at("targets")) read_targets(node, settings);
  settings.fields = split(text_of("fields"), ", \t");
  if (const Node node = own.at("fields")) read_fields(node, settings);

  const Node seconds = own.at("close_seconds");
  if (const std::string text = seconds ? leaf_text(seconds) : text_of("close_seconds"); !text.empty())
    settings.close_seconds = number("setting close_seconds", text);
  const Node log = own.at("log");
  const char* debug = std::getenv("CATALYST_DEBUG");
  settings.log = log ? leaf_text(log) : text_of("log");
  // Who asks Catalyst to tell what it does asks us as well.
  if (settings.log.empty() && debug && *debug) settings.log = "stderr";
  return settings;
}

gaussitu_options client_options(const Settings& settings, const std::string& client) {
  gaussitu_options options;
  gaussitu_options_init(&options);
  options.ignore_environment = 1;  // it has been looked at, and nodes win over it
  options.client = client.c_str();
  for (const auto& [key, text] : settings.options)
    if (gaussitu_options_set(&options, key.c_str(), text.c_str()) != GAUSSITU_OK)
      refuse(gaussitu_last_error(nullptr));
  return options;
}

}  // namespace gaussitu::catalyst
