// Writes the rows of heartbeat_rollup in two ways. For new readings, this file adds the counts and sums that
// ingest has appended to heartbeat_rollup_pending. For minutes that have a mark in heartbeat_stale_minutes,
// this file reads the readings again. maintenance.cpp calls these functions.
#pragma once

#include <cstdint>

namespace heartbeat {

// Call this function before the other functions. The planner of this process then uses indexes, even for
// tables that seem small to the planner.
void rollup_prepare();

// Adds the rows of heartbeat_rollup_pending to heartbeat_rollup, and deletes these pending rows.
void rollup_fold();

enum class RollupResult : uint8_t { nothing, rolled_up, not_quiet };

// Rolls up marked minutes in a short transaction. Chooses minutes that got no mark in the last
// rollup_quiet_ms. Also chooses minutes whose first mark is older than ten times rollup_quiet_ms, because a
// minute that always gets new marks must not wait longer. If the result is rolled_up, call the function again
// immediately. If the result is not_quiet, all remaining marks are too new, so call the function again later.
RollupResult rollup_run();

// Summarizes the new blocks in the BRIN indexes of this week, and of the weeks that the rollup will read. The
// rollup's queries and other queries for a time range use these indexes.
void rollup_summarize();

// After the last mark of a minute, rollup_run() usually waits for this number of milliseconds.
inline constexpr long rollup_quiet_ms = 30'000;

} // namespace heartbeat
