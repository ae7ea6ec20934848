#include "settings.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

namespace {

constexpr char kHelp[] = R"(gray-scott: 3-D reaction-diffusion, coupled to a gaussitu service

  --grid N | NXxNYxNZ   nodes per axis, periodic, cut along z over the MPI ranks   [64]
  --start N             solver steps before the first output                       [1000]
  --steps N             output steps                                               [10]
  --every N             solver steps between outputs                               [20]
  --double              compute and push in f64 instead of f32
  --output none|gaussitu|hdf5   where timesteps go                                 [gaussitu]
  --endpoint URL        of the service               [$GAUSSITU_ENDPOINT, else tcp://127.0.0.1:5555]
  --run NAME            name of the run                                            [gray-scott]
  --out DIR             folder for --output hdf5                                   [.]
  --raw DIR             keep the raw arrays as well, as gaussitu verify and render --original read them (1 rank)
  --close-seconds S     wait at the end until everything is durable, at most       [600]
  --quiet               no line per step
)";

bool whole(const char* text, int64_t least, int64_t& out) {
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  if (end == text || *end || value < least || value > 1000000000) return false;
  out = value;
  return true;
}

bool grid(const char* text, int64_t (&out)[3]) {
  long long n[3];
  char rest = 0;
  const int fields = std::sscanf(text, "%lldx%lldx%lld%c", &n[0], &n[1], &n[2], &rest);
  if (fields == 1 && std::strchr(text, 'x') == nullptr) n[1] = n[2] = n[0];
  for (int axis = 0; axis < 3; ++axis) {
    if ((fields != 1 && fields != 3) || n[axis] < 8 || n[axis] > 4096) return false;
    out[axis] = n[axis];
  }
  return true;
}

}  // namespace

bool parse(int argc, char** argv, Settings& s, int* exit_code) {
  using Read = std::function<bool(const char*)>;
  const auto text = [](std::string& to) -> Read {
    return [&to](const char* t) {
      to = t;
      return true;
    };
  };
  const auto count = [](int64_t& to, int64_t least) -> Read {
    return [&to, least](const char* t) { return whole(t, least, to); };
  };
  const std::map<std::string, Read> options = {
      {"--grid", [&](const char* t) { return grid(t, s.grid); }},
      {"--start", count(s.start, 0)},
      {"--steps", count(s.steps, 1)},
      {"--every", count(s.every, 1)},
      {"--endpoint", text(s.endpoint)},
      {"--run", text(s.run)},
      {"--out", text(s.out)},
      {"--raw", text(s.raw)},
      {"--close-seconds",
       [&](const char* t) {
         s.close_seconds = std::atof(t);
         return s.close_seconds >= 0;
       }},
      {"--output", [&](const char* t) {
         const std::map<std::string, Output> outputs = {
             {"none", Output::none}, {"gaussitu", Output::gaussitu}, {"hdf5", Output::hdf5}};
         const auto found = outputs.find(t);
         if (found != outputs.end()) s.output = found->second;
         return found != outputs.end();
       }}};
  *exit_code = 2;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      std::fputs(kHelp, stdout);
      *exit_code = 0;
      return false;
    }
    if (name == "--double") {
      s.f64 = true;
    } else if (name == "--quiet") {
      s.quiet = true;
    } else {
      const auto option = options.find(name);
      if (option == options.end() || i + 1 >= argc || !option->second(argv[i + 1])) {
        std::fprintf(stderr, "gray-scott: cannot make sense of '%s %s' (--help shows what can be said)\n",
                     argv[i], i + 1 < argc ? argv[i + 1] : "");
        return false;
      }
      ++i;
    }
  }
  return true;
}
