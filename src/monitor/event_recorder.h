// Writes each state of heartbeat, and the time of the state, to heartbeat_events. Only the maintenance worker
// calls these functions. The maintenance worker keeps the last written state in its own memory, and does not
// read this state from the table.
#pragma once

#include "server/server.h"

namespace heartbeat {

// Returns true if the caller must write the state or the start of the server. Reads only shared memory.
bool event_recorder_has_news();

// Writes the state in its own transaction, and returns 0. Call the function again when
// event_recorder_has_news() returns true. If the state changes often, the function writes one row per minute,
// with the number of changes. If it is too early for the next row, the function writes nothing, and returns
// the microseconds until the next row.
TimestampTz event_recorder_write();

} // namespace heartbeat
