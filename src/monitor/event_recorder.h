// Records in heartbeat_events each state of heartbeat and its time. Only the maintenance worker calls it. It
// remembers the last recorded state in its own memory, not in the table.
#pragma once

#include "server/server.h"

namespace heartbeat {

// Returns true if the caller must record the state or the start of the server. It reads only shared memory.
bool event_recorder_has_news();

// Records the state in its own transaction. Returns the microseconds until the caller must call it again. 0:
// the caller waits until event_recorder_has_news() is true. If the state changes often, it writes one row a
// minute, with the number of changes.
TimestampTz event_recorder_write();

} // namespace heartbeat
