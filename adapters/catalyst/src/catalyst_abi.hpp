// What Catalyst 2 asks of an implementation, declared here so that neither Catalyst nor Conduit is needed to
// build it: one data symbol with a version and five functions. Nodes are opaque; conduit_api.hpp reads them.
#pragma once

struct conduit_node_impl;
using conduit_node = conduit_node_impl;
struct conduit_datatype_impl;
using conduit_datatype = conduit_datatype_impl;

extern "C" {

struct catalyst_impl {
  int version;  // 1
  int (*initialize)(const conduit_node*);
  int (*execute)(const conduit_node*);
  int (*finalize)(const conduit_node*);
  int (*about)(conduit_node*);
  int (*results)(conduit_node*);
};

extern __attribute__((visibility("default"))) const catalyst_impl catalyst_api_impl;
}

namespace gaussitu::catalyst {

/// What the functions return: Catalyst's own numbers are below 100, ParaView's below 200.
enum Status {
  kOk = 0,
  kInvalidSettings = 200,  // catalyst_initialize: a setting makes no sense; nothing will be sent
  kNoConduit = 201,        // the process has no Conduit C functions, or one with a 32-bit index
  kWrongState = 202,       // execute or finalize without a successful initialize
  kInvalidNode = 203,      // execute: no catalyst/state or catalyst/channels
  kNotStored = 204,        // finalize: steps were given up; results tell which
  kInternal = 205          // a bug of this library
};

}  // namespace gaussitu::catalyst
