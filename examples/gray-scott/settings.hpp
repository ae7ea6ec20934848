// Command line of the Gray-Scott example.
#pragma once
#include <cstdint>
#include <string>

enum class Output { none, gaussitu, hdf5 };

struct Settings {
  int64_t grid[3] = {64, 64, 64};  // nodes per axis
  int64_t start = 1000;            // solver steps before the first output, for the pattern to develop
  int64_t steps = 10;              // output steps
  int64_t every = 20;              // solver steps between them
  bool f64 = false;
  bool quiet = false;
  Output output = Output::gaussitu;
  std::string endpoint, run = "gray-scott";
  std::string out = ".";  // folder for --output hdf5
  std::string raw;        // folder to keep the raw arrays in as well: empty, do not
  double close_seconds = 600;
};

/// False, after printing help or what is wrong to stdout or stderr, when the program should end with
/// *exit_code.
bool parse(int argc, char** argv, Settings& settings, int* exit_code);
