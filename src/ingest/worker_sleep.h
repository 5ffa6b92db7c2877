// How an ingest worker waits between two steps.
#pragma once

namespace heartbeat {

// Until the worker is woken, Kafka has an answer or messages for it, or the time has passed; -1: without a
// limit.
void worker_sleep(long milliseconds);

} // namespace heartbeat
