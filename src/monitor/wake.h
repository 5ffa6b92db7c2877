// Wakes processes of heartbeat in this server. Sessions call it when they change something that the workers
// read. The ingest workers call it when they have work for the maintenance worker.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Makes every worker of this server read heartbeat_control again. A commit callback may call it.
void wake_all();

uint64_t wake_generation(); // grows with each call of wake_all()

void wake_maintenance();

// Each query of vw_customer_bpm_summary adds up the pending rows, so they must stay few. From this number on
// the maintenance worker folds them at once.
inline constexpr uint32_t rollup_rows_max = 4096;

// Called when a batch has changed the rollup and has appended `rows` pending rows. It wakes the maintenance
// worker if that does not know of a change yet, or if there are too many rows now.
void wake_for_rollup(uint32_t rows);

// Called when alert rules were changed. It wakes the maintenance worker.
void wake_for_rules();

// Called when a batch has stored readings. It wakes the maintenance worker if an alert rule depends on the
// arrival of readings and the maintenance worker does not know of arrivals yet.
void wake_for_arrivals();

// Called when an ingest worker has messages to read or to store. It makes the maintenance worker check
// periodically that ingest makes progress.
void wake_to_watch();

} // namespace heartbeat
