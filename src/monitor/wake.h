// Wakes processes of heartbeat in this server. A session calls these functions after it has changed data that
// the workers read. An ingest worker calls these functions when it has work for the maintenance worker.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Makes every worker of this server read heartbeat_control again. A commit callback may call this function.
void wake_all();

uint64_t wake_generation(); // grows with each call of wake_all()

void wake_maintenance();
void wake_worker(int number);

// If heartbeat_rollup_pending has this number of rows, the maintenance worker immediately adds these rows to
// heartbeat_rollup. Each query of vw_customer_bpm_summary adds up the pending rows. So the query is fast only
// if the table has few pending rows.
inline constexpr uint32_t rollup_rows_max = 4096;

// Call this function after a commit that has inserted rows into heartbeat_rollup_pending or
// heartbeat_arrivals, or has marked minutes as stale. `rows` is the result of rollup_append_take(). Wakes the
// maintenance worker at the first such commit after a rollup, and again when the sum of `rows` since the last
// rollup_fold() reaches rollup_rows_max.
void wake_for_rollup(uint32_t rows);

// Call this function after a commit that has changed alert rules. The function wakes the maintenance worker.
void wake_for_rules();

// Call this function when a batch with readings has been stored. If an alert rule depends on the arrival of
// readings, wakes the maintenance worker at the first batch after each evaluation of the rules.
void wake_for_arrivals();

// Call this function when an ingest worker has messages to read or to store. The maintenance worker then
// periodically checks the progress of ingest.
void wake_to_watch();

} // namespace heartbeat
