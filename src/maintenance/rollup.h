// Makes rows of heartbeat_rollup from the sums that ingest has appended to heartbeat_rollup_pending and from
// the minutes that are marked as stale. maintenance.cpp calls it.
#pragma once

#include <cstdint>

namespace heartbeat {

// Call it before the other functions. It makes the planner use indexes in this process, also for tables that
// it takes for small ones.
void rollup_prepare();

// Adds the rows of heartbeat_rollup_pending to heartbeat_rollup, and removes them.
void rollup_fold();

enum class RollupResult : uint8_t { nothing, rolled_up, not_quiet };

// Rolls up marked minutes in a short transaction, if they got no further mark for rollup_quiet_ms.
// rolled_up: call it again at once. not_quiet: only newer marks remain, call it again later.
RollupResult rollup_run();

// Adds new blocks to the BRIN indexes of the weeks with stale minutes. The rollup's queries and other queries
// on time use these indexes.
void rollup_summarize();

// rollup_run() takes a minute whose last mark is older than this, in milliseconds.
inline constexpr long rollup_quiet_ms = 30'000;

} // namespace heartbeat
