// Storage wing: turns minutes that ingest has marked as stale into rows of heartbeat_rollup.
#pragma once

namespace heartbeat {

// Rolls up, in one transaction each, the minutes that nobody has touched for a while. True: marks remain, of
// minutes that are still being touched; call again later.
bool rollup_run();

// Brings the BRIN indexes of the weeks with stale minutes up to date, which the rollup's and others' queries
// go by.
void rollup_summarize();

// How long a minute must have been left alone, in milliseconds.
inline constexpr long rollup_quiet_ms = 30'000;

} // namespace heartbeat
