// How each of heartbeat's processes starts.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Begins, takes the slot, and connects to the database (nullptr: to the shared catalogs only). Ends the
// process where somebody else has the slot.
void worker_start(const char *database, WorkerSlot *slot);

} // namespace heartbeat
