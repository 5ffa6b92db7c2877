// Errors that Kafka has reported to an ingest worker.
#pragma once

namespace heartbeat {

// Kafka has reported an error, and what was read before it is stored: lets the worker assign again. Returns
// how long to sleep.
long worker_trouble_assign_again();

bool worker_trouble_is_over();

} // namespace heartbeat
