// What happens on the way to a card, each with a library that is really opened.
#include "device/library.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.hpp"
#include "device/choose.hpp"

using namespace gaussitu;

namespace {

/// The error of choosing `device` with the library in `file`.
std::string refusal(const std::string& device, const std::string& file) {
  setenv("GAUSSITU_CUDA_LIBRARY", file.c_str(), 1);
  try {
    choose_device(device, 0);
  } catch (const Error& error) {
    CHECK(error.code == Code::unavailable);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

std::string library(const std::string& name) {
  return std::string(GAUSSITU_TEST_LIBRARIES) + "/libcuda_" + name + ".so";
}

}  // namespace

TEST_CASE("names of devices") {
  CHECK(choose_device("cpu", 0).device->name() == "cpu");
  for (const char* name : {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CPU"}) {
    INFO(name);
    CHECK_THROWS_AS(choose_device(name, 0), Error);
  }
}

TEST_CASE("a library that is not there") {
  const std::string why = refusal("cuda:0", "/nowhere/libgaussitu_cuda.so");
  CHECK(contains(why, "/nowhere/libgaussitu_cuda.so but received no such file"));
  CHECK(contains(why, "where nvcc is found"));
}

TEST_CASE("a file that is no library") {
  const std::string file = std::string(GAUSSITU_TEST_LIBRARIES) + "/text.so";
  std::ofstream(file) << "not a library\n";
  CHECK(contains(refusal("cuda:0", file), "to load but received"));
}

TEST_CASE("a library that is none of ours") {
  CHECK(contains(refusal("cuda:0", library("no_entry")), "the symbol gaussitu_cuda"));
}

TEST_CASE("a library of another interface") {
  const std::string why = refusal("cuda:0", library("other_interface"));
  CHECK(contains(why, "Expected interface 2 (layout "));
  CHECK(contains(why, "but received interface 3 (layout "));
  CHECK(contains(why, "build both from the same sources"));
}

TEST_CASE("no card: an error for who asks for one, the CPU and the reason for auto") {
  const std::string why = refusal("cuda:3", library("no_card"));
  CHECK(contains(why, "Expected device cuda:3 but received a driver without a card"));
  const DeviceChoice automatic = choose_device("auto", 0);
  CHECK(automatic.device->name() == "cpu");
  CHECK(contains(automatic.note, "a driver without a card"));
}

TEST_CASE("the library of this build says what this machine has") {
  const char* built = std::getenv("GAUSSITU_TEST_CUDA_LIBRARY");
  if (built == nullptr || !std::filesystem::exists(built)) {
    MESSAGE("not built here (make cuda): there is no library to open");
    return;
  }
  const FoundCards found = load_device_library(built).find();
  const std::string says = std::to_string(found.count) + " cards: " + found.problem;
  MESSAGE(says);
  CHECK((found.count > 0) == found.problem.empty());
}
