// Starts a process of heartbeat. The launcher, the maintenance worker and the ingest workers call it first.
// It does not know what the process does afterwards.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Sets up the process, takes the slot, and connects to the database (nullptr: only to the shared catalogs).
// Ends the process if another process has the slot.
void worker_start(const char *database, WorkerSlot *slot);

} // namespace heartbeat
