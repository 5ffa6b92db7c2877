// Makes the rollup rows of marked minutes again from the readings. rollup.cpp calls it.
// It does not know which minutes are due.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Call it in a REPEATABLE READ transaction whose snapshot sees the marks of the minutes. Removes the marks,
// and makes the rollup of these minutes (timestamptz[], each once) from the readings. Returns how many rows
// it removed from heartbeat_stale_minutes and heartbeat_rollup_pending.
int64_t rebuild(Datum minutes);

// Does the same where the tables are distributed, in statements that Citus can send to the nodes. `minutes`
// has three elements: the array of minutes, the first minute and the last minute.
int64_t rollup_rebuild_on_nodes(const Datum *minutes);

} // namespace heartbeat
