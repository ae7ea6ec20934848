// The one symbol of the library. Whatever happens inside, ours or Conduit's exceptions, becomes a status
// here.
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>

#include "catalyst_abi.hpp"
#include "conduit_api.hpp"
#include "coupling.hpp"
#include "refusal.hpp"

namespace gaussitu::catalyst {
namespace {

struct Instance {
  std::mutex mutex;
  std::unique_ptr<Coupling> coupling;
  Report last;  // of the coupling that is closed, or why there is none
};

/// Never destroyed: a simulation may leave through exit() with the sender thread at work.
Instance& instance() {
  static auto* const it = new Instance;
  return *it;
}

/// Catalyst's own functions write the data dumps that catalyst_replay plays. A failed dump is not our
/// failure.
void stub(const char* name, conduit_node* params) noexcept {
  try {
    using Function = int (*)(conduit_node*);
    if (const auto function = reinterpret_cast<Function>(host_symbol(name))) function(params);
  } catch (...) {
  }
}

void stub(const char* name, const conduit_node* params) noexcept {
  stub(name, const_cast<conduit_node*>(params));
}

template <class Body>
int guarded(Status refused, Body body) noexcept {
  try {
    Instance& here = instance();
    const std::lock_guard lock(here.mutex);
    const auto say = [&](const std::string& text) {
      if (here.coupling) {
        here.coupling->log().once(text);
      } else {
        here.last.message = text;
      }
    };
    try {
      if (!conduit()) {
        here.last.message = "the process has no Conduit C functions with a 64-bit index";
        return kNoConduit;
      }
      return body(here);
    } catch (const Refusal& why) {
      say(why.what());
      return refused;
    } catch (const std::exception& error) {
      say(std::string("internal error: ") + error.what());
      return kInternal;
    }
  } catch (...) {  // no memory even for the sentence, or an exception of an unknown kind
    return kInternal;
  }
}

int initialize(const conduit_node* params) noexcept {
  stub("catalyst_stub_initialize", params);
  return guarded(kInvalidSettings, [&](Instance& here) -> int {
    if (here.coupling) return kOk;  // as Catalyst itself: the first one counts
    here.last = {};
    here.coupling = std::make_unique<Coupling>(Node(params));
    return kOk;
  });
}

int execute(const conduit_node* params) noexcept {
  stub("catalyst_stub_execute", params);
  return guarded(kInvalidNode, [&](Instance& here) -> int {
    if (!here.coupling) return kWrongState;
    here.coupling->execute(Node(params));
    return kOk;
  });
}

int finalize(const conduit_node* params) noexcept {
  stub("catalyst_stub_finalize", params);
  return guarded(kInternal, [&](Instance& here) -> int {
    if (!here.coupling) return kWrongState;
    const int status = here.coupling->close();
    here.last = here.coupling->report();
    here.coupling.reset();
    return status;
  });
}

int about(conduit_node* params) noexcept {
  stub("catalyst_stub_about", params);
  return guarded(kInternal, [&](Instance&) -> int {
    const auto& c = *conduit();
    c.node_set_path_char8_str(params, "catalyst/implementation", "gaussitu");
    c.node_set_path_char8_str(params, "catalyst/gaussitu/version", gaussitu_version());
    c.node_set_path_char8_str(params, "catalyst/gaussitu/conduit", c.prefix);
    return kOk;
  });
}

int results(conduit_node* params) noexcept {
  stub("catalyst_stub_results", params);
  return guarded(kInternal, [&](Instance& here) -> int {
    const Report report = here.coupling ? here.coupling->report() : here.last;
    const auto& s = report.status;
    const auto& c = *conduit();
    const auto whole = [&](const char* name, int64_t value) {
      c.node_set_path_int64(params, (std::string("catalyst/gaussitu/") + name).c_str(), value);
    };
    whole("connected", s.connected);
    whole("refused", s.refused);
    whole("steps_sent", s.steps_ended);
    whole("steps_acknowledged", s.steps_acknowledged);
    whole("steps_dropped", s.steps_dropped);
    whole("steps_rejected", s.steps_rejected);
    whole("steps_spilled", s.steps_spilled);
    whole("steps_pending", s.steps_pending);
    whole("last_acknowledged", s.size ? s.last_acknowledged : -1);
    whole("fields_skipped", report.fields_skipped);
    whole("bytes_put", static_cast<int64_t>(s.bytes_put));
    whole("bytes_sent", static_cast<int64_t>(s.bytes_sent));
    whole("raw_bytes", static_cast<int64_t>(s.raw_bytes));
    whole("stored_bytes", static_cast<int64_t>(s.stored_bytes));
    whole("buffer_bytes", static_cast<int64_t>(s.buffer_bytes));
    c.node_set_path_float64(params, "catalyst/gaussitu/blocked_seconds", s.blocked_seconds);
    c.node_set_path_char8_str(params, "catalyst/gaussitu/message", report.message.c_str());
    return kOk;
  });
}

}  // namespace
}  // namespace gaussitu::catalyst

const catalyst_impl catalyst_api_impl = {1,
                                         gaussitu::catalyst::initialize,
                                         gaussitu::catalyst::execute,
                                         gaussitu::catalyst::finalize,
                                         gaussitu::catalyst::about,
                                         gaussitu::catalyst::results};
