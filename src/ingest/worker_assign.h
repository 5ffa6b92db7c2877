// The steps of an ingest worker until it has assigned partitions. worker.cpp and worker_batch.cpp call them.
// The steps do not depend on how the worker fills and stores a batch.
#pragma once

#include "ingest/worker_state.h"

namespace heartbeat {

// One step towards an assignment. Call it while no partition is assigned. Returns how many milliseconds to
// sleep.
long worker_assign_step();

// Acts on the result of a step towards an assignment. Returns how many milliseconds to sleep.
long worker_assign_take(AssignmentResult result);

// Sets the state of a worker that reads. The state is CONNECTING if one of its partitions is away.
void worker_assign_report();

} // namespace heartbeat
