// Writes a line to the server's log with the numbers of messages stored since the previous line
// (heartbeat.log_summary). If the workers have stored no messages, this file writes no line. The maintenance
// worker calls these functions.
#pragma once

#include "server/server.h"

namespace heartbeat {

void summary_open(); // call this function when the period of the next line begins

// Logs the numbers of messages stored since the last call. The first call only reads the counters. Each call
// uses its own transaction. If another session has locked heartbeat_offsets, or if the workers have stored no
// messages, the call logs nothing.
void summary_log();

} // namespace heartbeat
