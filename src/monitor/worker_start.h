// Starts a process of heartbeat. The launcher, the maintenance worker and each ingest worker call
// worker_start() first. This file does not depend on the work of the process.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Sets up the process, takes the slot, and connects to the database. If `database` is nullptr, the process
// connects only to the shared catalogs. Ends the process if another process has the slot.
void worker_start(const char *database, WorkerSlot *slot);

} // namespace heartbeat
