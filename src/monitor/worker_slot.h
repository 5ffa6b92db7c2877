// A process's slot in shared memory, as the process itself fills it in.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// The calling process takes the slot, until it exits. False: somebody else has it.
bool worker_slot_claim(WorkerSlot *slot);
bool worker_slot_is_claimed(); // the calling process is one of heartbeat's own

// Sets the caller's state. A change of state or reason is written to the log, once.
void worker_slot_report(WorkerSlot *slot, WorkerState state, const char *reason, const char *hint);

// A broker throttles the caller until then, where it does not say so again. The first time in a minute is
// logged.
void worker_slot_throttled(WorkerSlot *slot, const char *broker, int milliseconds, TimestampTz until);

void worker_slot_error(WorkerSlot *slot, const char *message);

// The calling process waits for a lock, or no longer.
void worker_slot_await(const AwaitedLock &awaited);

// What the worker does from now on, and after how many milliseconds it comes back; -1: when it is woken.
void worker_slot_doing(WorkerSlot *slot, WorkerActivity activity, long milliseconds);

} // namespace heartbeat
