// Sets the state that a process or a source shows, and wakes the maintenance worker after a change.
// worker_slot.cpp and source_slot.cpp call it. This file does not know whether the state belongs to a process
// or to a source.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Sets the state if the state or its reason is new. Only the calling process may write `shown`. Returns true
// if the state or its reason has changed.
bool shown_state_set(ShownState *shown, WorkerState state, const char *reason, const char *hint);

// Writes the state to the log. `whose` is the beginning of the line, for example `source "ward": `.
void shown_state_log(const ShownState &shown, const char *whose);

// Records the last error.
void shown_state_error(ShownState *shown, const char *message);

// The most severe state of all sources in all workers. Call it with the lock of shared memory held.
WorkerState shown_state_worst();

} // namespace heartbeat
