// The steps of an ingest worker until partitions are assigned. worker.cpp and worker_batch.cpp call them.
// They do not know how a batch is filled and stored.
#pragma once

#include "ingest/worker_state.h"

namespace heartbeat {

// One step towards an assignment, while no partition is assigned. Returns how many milliseconds to sleep.
long worker_assign_step();

// Acts on the result of such a step. Returns how many milliseconds to sleep.
long worker_assign_take(AssignmentResult result);

// Sets the state of a worker that reads: CONNECTING while one of its partitions is away.
void worker_assign_report();

} // namespace heartbeat
