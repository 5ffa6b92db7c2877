// Turns what ingest has left to it into rows of heartbeat_rollup.
#pragma once

#include <cstdint>

namespace heartbeat {

// Before the first of the following: has this process's statements planned for large tables, known or not.
void rollup_prepare();

// Moves what ingest has appended to heartbeat_rollup_pending into heartbeat_rollup.
void rollup_fold();

enum class RollupResult : uint8_t { nothing, rolled_up, not_quiet };

// Rolls up, in a short transaction, marked minutes that nobody has touched for a while: call it again at
// once. not_quiet: marks remain, of minutes that are still being touched; call it again later.
RollupResult rollup_run();

// Brings the BRIN indexes of the weeks with stale minutes up to date, which the rollup's and others' queries
// go by.
void rollup_summarize();

// How long a minute must have been left alone, in milliseconds.
inline constexpr long rollup_quiet_ms = 30'000;

} // namespace heartbeat
