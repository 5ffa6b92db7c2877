// Writes a line to the server's log with the numbers of messages stored since the previous line
// (heartbeat.log_summary). If there are none, it writes no line. The maintenance worker calls it.
#pragma once

#include "server/server.h"

namespace heartbeat {

void summary_open(); // begins the period of the first line

// Logs the numbers of messages stored since the last call, if there are any. The first call only reads the
// counters. It uses its own transaction, and does nothing if heartbeat_offsets is locked.
void summary_log();

} // namespace heartbeat
