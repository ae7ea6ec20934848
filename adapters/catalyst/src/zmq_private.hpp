#pragma once

namespace gaussitu::catalyst {

/// Whether libzmq.so.5 could be loaded.
bool zmq_found();

}  // namespace gaussitu::catalyst
