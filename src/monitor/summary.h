// Writes a line to the server's log with the numbers of messages stored since the previous line
// (heartbeat.log_summary). If no messages were stored, this file writes no line. The maintenance worker calls
// it.
#pragma once

#include "server/server.h"

namespace heartbeat {

void summary_open(); // begins the period of the first line

// Logs the numbers of messages stored since the last call. The first call only reads the counters. Each call
// uses a transaction of its own. If heartbeat_offsets is locked, or if no messages were stored, the call logs
// nothing.
void summary_log();

} // namespace heartbeat
