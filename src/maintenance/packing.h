// Packs old weeks: rebuilds the primary keys of their readings, so that the pages of the keys are full. The
// rebuild of a large key takes minutes, and the other duties of the maintenance worker must not wait. So a
// separate process does this work. maintenance.cpp starts and watches the process.
#pragma once

#include "server/server.h"

#include "server/clock.h"

namespace heartbeat {

// Call this function in each round of the maintenance worker's loop. Once an hour, and after each reload of
// the configuration (`reloaded`), the function starts the process that packs old weeks. It starts the process
// only if all other processes of heartbeat run. If PostgreSQL cannot start the process, heartbeat_maintenance
// shows this failure. The process packs one key after the other, and ends when it has tried all keys. Returns
// the time of the next call; 0: heartbeat packs no week.
//
// The function also calls packing_make_way(). If heartbeat.pack_after is 0 and no process runs, the function
// removes the last failure from heartbeat_maintenance.
MonotonicTime packing_tend(MonotonicTime now, bool reloaded);

// Cancels the process if another session, for example with ALTER EXTENSION heartbeat UPDATE, waits for a
// table that the process has locked. Ingest and queries would wait behind that session. Checks this at most
// every two seconds. Call this function also before each task of the maintenance worker, because the task can
// wait behind that session too.
void packing_make_way(MonotonicTime now);

} // namespace heartbeat
