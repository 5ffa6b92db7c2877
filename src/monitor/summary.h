// A line a minute in the server's log, where there was traffic.
#pragma once

#include "server/server.h"

namespace heartbeat {

void summary_open(); // the minute begins

// Logs what was stored since the last call, where anything was; the first call only looks. In a transaction
// of its own, and nothing where heartbeat_offsets is locked.
void summary_log();

} // namespace heartbeat
