// Wakes processes of heartbeat in this server. A session calls it when it has changed data that the workers
// read. An ingest worker calls it when it has work for the maintenance worker.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Makes every worker of this server read heartbeat_control again. A commit callback may call it.
void wake_all();

uint64_t wake_generation(); // grows with each call of wake_all()

void wake_maintenance();

// If there are this many pending rows, the maintenance worker folds them at once. Each query of
// vw_customer_bpm_summary adds up the pending rows, so the query is fast only if there are few pending rows.
inline constexpr uint32_t rollup_rows_max = 4096;

// Call it after a commit that has changed the rollup and appended `rows` pending rows. It wakes the
// maintenance worker if the maintenance worker does not know of a change of the rollup yet, or if there are
// too many pending rows.
void wake_for_rollup(uint32_t rows);

// Call it after a commit that has changed alert rules. It wakes the maintenance worker.
void wake_for_rules();

// Call it when a batch has stored readings. It wakes the maintenance worker if an alert rule depends on the
// arrival of readings and the maintenance worker does not know of arrivals yet.
void wake_for_arrivals();

// Call it when an ingest worker has messages to read or to store. It makes the maintenance worker check
// periodically that ingest makes progress.
void wake_to_watch();

} // namespace heartbeat
