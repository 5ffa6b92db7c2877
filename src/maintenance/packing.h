// Packs old weeks: rebuilds the primary keys of their readings, so that the pages of the keys are full. The
// rebuild of a large key takes minutes, and the other duties of the maintenance worker must not wait. So a
// separate process does this work. maintenance.cpp starts and watches the process.
#pragma once

#include "server/server.h"

#include "server/clock.h"

namespace heartbeat {

// Call this function in each round of the maintenance worker's loop. Once an hour, and after each reload of
// the configuration (`reloaded`), the function starts the process that packs old weeks. The function starts
// the process only if all other processes of heartbeat run. The process packs one key after the other, and
// ends when it has tried all keys. If PostgreSQL cannot start the process, heartbeat_maintenance shows this
// failure. Returns the time of the next call; 0: heartbeat packs no week.
//
// The function also calls packing_make_way(). If heartbeat.pack_after is 0 and no process runs, the function
// removes the last failure from heartbeat_maintenance.
MonotonicTime packing_tend(MonotonicTime now, bool reloaded);

// While the process runs, the function checks every two seconds whether another session waits for a table
// that the process has locked. In this case the function cancels the process. Otherwise ingest and queries
// would wait behind the other session, for example behind ALTER EXTENSION heartbeat UPDATE. A task of the
// maintenance worker can wait behind this session too, so call this function also before each task.
void packing_make_way(MonotonicTime now);

} // namespace heartbeat
