// The sleep of an ingest worker between two steps. worker.cpp calls it.
// It does not decide how long the worker sleeps.
#pragma once

namespace heartbeat {

// Sleeps until the worker's latch is set, Kafka has an answer or messages for it, or the time has passed; -1:
// without a limit.
void worker_sleep(long milliseconds);

} // namespace heartbeat
