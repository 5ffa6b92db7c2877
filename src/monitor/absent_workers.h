// Finds the state of heartbeat when one or more ingest workers do not run. aggregate_status.cpp,
// common_trouble.cpp and worker_slot.cpp call this file. This file does not depend on the states of the
// workers that run.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Sets the state, the reason and the hint of *shown if not all ingest workers run. If the time when the state
// began is not known, shown->since is 0. Returns false if all workers run. `workers` is the number of workers
// that run. Call this function while you hold the lock of shared memory.
bool absent_workers_find(int workers, MonotonicTime now, ShownState *shown);

// Returns the time at which an ingest worker ended or ceased to be RUNNING. Returns 0 if the trouble is over:
// all ingest workers have been RUNNING for ten seconds, and no worker has ended for a minute. So if a worker
// ends again and again, and runs for less than a minute each time, the time does not change. Call this
// function while you hold the lock of shared memory.
MonotonicTime absent_workers_since(MonotonicTime now);

// Call this function before an ingest worker ends (`ends` is true) or ceases to be RUNNING, while you hold
// the lock of shared memory exclusively.
void absent_workers_begin(bool ends);

} // namespace heartbeat
