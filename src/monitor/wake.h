// How sessions and workers wake workers of this server.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Makes every worker of this server look at heartbeat_control again. Safe in a commit callback.
void wake_all();

uint64_t wake_generation(); // grows with each call of wake_all()

void wake_maintenance();

// Every query of the summary adds the pending rows up, so they stay few: from here on they are folded at
// once.
inline constexpr uint32_t rollup_rows_max = 4096;

// Ingest has left the rollup something to do, with that many pending rows: wakes the maintenance worker where
// it does not know yet, or has to hurry.
void wake_for_rollup(uint32_t rows);

// Alert rules were changed: wakes the maintenance worker.
void wake_for_rules();

// Ingest has stored readings: wakes the maintenance worker where a rule wants to know, unless it knows
// already.
void wake_for_arrivals();

// Ingest has something to do: has the maintenance worker look how it gets on, unless it does already.
void wake_to_watch();

} // namespace heartbeat
