// Makes the rollup of minutes anew, from the readings.
#pragma once

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// In a transaction whose one snapshot sees the minutes' marks: takes the marks away and makes the rollup of
// these minutes (timestamptz[], each once) from the readings. Returns how many rows of the small tables it
// removed.
int64_t rebuild(Datum minutes);

// The same where the tables are distributed, in a text that Citus can send to the nodes: the minutes, the
// first of them and the last one.
int64_t rollup_rebuild_on_nodes(const Datum *minutes);

} // namespace heartbeat
