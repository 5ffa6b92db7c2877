// The step of an ingest worker that consumes messages. worker.cpp calls it when partitions are assigned. The
// step does not depend on the loop of the worker.
#pragma once

namespace heartbeat {

// Fills the batch, and stores the batch when it is due. Returns how many milliseconds to sleep.
long worker_batch_stream();

} // namespace heartbeat
