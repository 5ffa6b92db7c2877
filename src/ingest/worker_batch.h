// The step of an ingest worker while it reads. worker.cpp calls it when partitions are assigned.
// It does not know the loop of the worker.
#pragma once

namespace heartbeat {

// Fills the batch, and stores the batch when it is due. Returns how many milliseconds to sleep.
long worker_batch_stream();

} // namespace heartbeat
