// Frees the space of rows that ingest and the rollup have deleted or replaced in small tables. Each query of
// vw_customer_bpm_summary reads heartbeat_rollup_pending and heartbeat_stale_minutes completely, so these two
// tables must stay small. rollup.cpp calls this file after its transactions.
#pragma once

#include <cstdint>

namespace heartbeat {

// Counts rows that a committed transaction has removed.
void rollup_space_removed(int64_t rows);

// Call this function outside of a transaction. After some thousand removed rows, the function vacuums the
// tables of the rollup. A vacuum does not make a table's file smaller. So if the file is much larger than the
// rows need, the function also rewrites the table.
void rollup_space_free();

} // namespace heartbeat
