// Reads the pause and the lag from heartbeat's tables without waiting for a lock. status.cpp calls these
// functions for heartbeat_status, event_recorder.cpp calls table_status_hold() for heartbeat_events, and
// summary.cpp calls table_status_can_read() for the line in the log.
#pragma once

#include "monitor/worker_stats.h"

namespace heartbeat {

struct Hold {
    bool known;         // false: another session has locked heartbeat_control
    TimestampTz since;  // 0: ingest is not paused
    const char *reason; // palloc'd
};

// Tries to lock the table for reading, and does not wait. Returns true if the transaction now has the lock.
// The lock lasts until the transaction ends.
bool table_status_can_read(const char *table);

// Call this function with an SPI connection. Reads from heartbeat_control the pause of all sources. If all
// sources are not paused together, and `source` is not empty, reads the pause of this source. Its reason
// begins with the name of the source, except for `default`. If another session has locked heartbeat_control,
// the function reports no pause.
void table_status_hold(const char *source, Hold *hold);

// Computes the lag from the offsets in heartbeat_offsets. If the function would have to wait for a lock on
// heartbeat_offsets or heartbeat_source_definitions, the function uses the offsets in shared memory. In a
// database of version 1.1 or 1.2, the function always uses the offsets in shared memory.
void table_status_lag(Lag *lag);

} // namespace heartbeat
