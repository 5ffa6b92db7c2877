// Sets the state of a process or of a source, and wakes the maintenance worker after a change.
// worker_slot.cpp calls these functions for the state of a process, and source_slot.cpp for the state of a
// source.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Sets the times of a new slot to the present time. People see `since`. The alert rules measure with the two
// other times, which are times of the monotonic clock. `running_since` is the time when the state last became
// RUNNING. `not_running_since` is the time when the state last ceased to be RUNNING or PAUSED. A state that
// is RUNNING only for some seconds between two attempts does not end a trouble, and does not change
// `not_running_since`.
void shown_state_begin(ShownState *shown);

// Returns true if the state has been RUNNING for ten seconds. A source that is RETRYING is RUNNING for a
// moment during each attempt.
bool shown_state_has_settled(const ShownState &shown, MonotonicTime now);

// Sets the state if the state or its reason is new. Only the calling process may write to `shown`. Returns
// true if the state or its reason has changed.
bool shown_state_set(ShownState *shown, WorkerState state, const char *reason, const char *hint);

// Writes the state to the log. `whose` is the beginning of the line, for example `source "ward": `.
void shown_state_log(const ShownState &shown, const char *whose);

// Stores the last error.
void shown_state_error(ShownState *shown, const char *message);

// Returns the most severe of the states of all ingest workers and of their sources. Call this function while
// you hold the lock of shared memory.
WorkerState shown_state_worst();

} // namespace heartbeat
