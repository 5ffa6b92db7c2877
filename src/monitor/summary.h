// Writes a line to the server's log with what was stored since the line before (heartbeat.log_summary), if
// any messages came. The maintenance worker calls it.
#pragma once

#include "server/server.h"

namespace heartbeat {

void summary_open(); // begins the period of the first line

// Logs what was stored since the last call, if there was anything. The first call only reads the counters. It
// uses its own transaction, and does nothing if heartbeat_offsets is locked.
void summary_log();

} // namespace heartbeat
