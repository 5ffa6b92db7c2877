// An ingest worker's steps towards an assignment.
#pragma once

#include "ingest/worker_state.h"

namespace heartbeat {

// A step towards assigning partitions, while none is assigned. Returns how long to sleep.
long worker_assign_step();

// What follows from such a step's result. Returns how long to sleep.
long worker_assign_take(AssignmentResult result);

// Sets the state of a worker that reads.
void worker_assign_report();

} // namespace heartbeat
