// The slot of a process in shared memory. Each process of heartbeat writes only its own slot: its state, its
// last error, and its activity. aggregate_status.cpp reads the slots.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// The calling process takes the slot, and keeps it until the process exits. Returns false if another process
// already has the slot.
bool worker_slot_claim(WorkerSlot *slot);
// Returns true if the calling process is a process of heartbeat.
bool worker_slot_is_claimed();

// Sets the caller's state. Logs each change of the state or the reason once, except a change to RUNNING.
// RUNNING only means that the process does its work: the sources of an ingest worker have their own states.
void worker_slot_report(WorkerSlot *slot, WorkerState state, const char *reason, const char *hint);

void worker_slot_error(WorkerSlot *slot, const char *message);

// Stores the lock that the calling process waits for. If the process waits for no lock, call this function
// with an empty AwaitedLock.
void worker_slot_await(const AwaitedLock &awaited);

// Stores the activity of the worker. The worker must return to its loop within `milliseconds`. If this value
// is -1, there is no limit, because the worker waits until another process wakes it.
void worker_slot_doing(WorkerSlot *slot, WorkerActivity activity, long milliseconds);

// Returns the activity of the worker in words, for example "storing a batch".
const char *worker_slot_activity_name(const WorkerSlot &slot);

} // namespace heartbeat
