#include "device/choose.hpp"

#include <charconv>

#include "base/error.hpp"
#include "device/library.hpp"

namespace gaussitu {

namespace {

/// N of "cuda:N"; -1 for anything else.
int card_of(const std::string& name) {
  constexpr std::string_view prefix = "cuda:";
  int card = -1;
  if (!name.starts_with(prefix)) return -1;
  const char *begin = name.data() + prefix.size(), *end = name.data() + name.size();
  const auto read = std::from_chars(begin, end, card);
  return read.ec == std::errc() && read.ptr == end && *begin != '-' ? card : -1;
}

std::shared_ptr<Device> open_card(int card, size_t memory) {
  DeviceLibrary& library = load_device_library(device_library_path());
  const FoundCards found = library.find();
  const std::string wanted = "Expected device cuda:" + std::to_string(card);
  if (found.count == 0)
    throw Error(Code::unavailable, wanted + " but received " + found.problem +
                                       "; --device cpu works everywhere, --device auto takes what there is");
  if (card >= found.count)
    throw Error(Code::unavailable,
                wanted + " but received " +
                    (found.count == 1 ? std::string("cuda:0 alone")
                                      : "cuda:0 to cuda:" + std::to_string(found.count - 1)) +
                    "; CUDA_VISIBLE_DEVICES hides cards from a process");
  return library.open(card, memory);
}

}  // namespace

DeviceChoice choose_device(const std::string& name, size_t memory) {
  // The CPU outlives everything.
  const std::shared_ptr<Device> cpu(std::shared_ptr<Device>(), &cpu_device());
  if (name == "cpu") return {cpu, ""};
  if (name == "auto") {
    try {
      return {open_card(0, memory), ""};
    } catch (const Error& error) {
      if (error.code != Code::unavailable) throw;
      const std::string why = error.what();  // up to the hint, which is for who insists on a card
      return {cpu, why.substr(0, why.find("; "))};
    }
  }
  const int card = card_of(name);
  if (card < 0)
    throw Error(Code::invalid_argument,
                "Expected a device of auto, cpu, cuda:N but received \"" + name + "\"");
  return {open_card(card, memory), ""};
}

}  // namespace gaussitu
