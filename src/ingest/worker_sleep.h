// The sleep of an ingest worker between two steps. worker.cpp calls it.
// It does not decide how long the worker sleeps.
#pragma once

namespace heartbeat {

// Sleeps until the time has passed, the worker's latch is set, or Kafka has an answer or messages for the
// worker. With -1 the time has no limit.
void worker_sleep(long milliseconds);

} // namespace heartbeat
