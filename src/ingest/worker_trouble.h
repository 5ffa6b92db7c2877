// Decides how an ingest worker continues after an error of Kafka. worker_batch.cpp calls it. It does not
// handle errors of PostgreSQL: worker.cpp handles them.
#pragma once

namespace heartbeat {

// Call it when Kafka has reported an error and the worker has stored the messages that came before the error.
// The worker then assigns its partitions again. Returns how many milliseconds to sleep.
long worker_trouble_assign_again();

// Returns whether the worker has read from Kafka again since the error.
bool worker_trouble_is_over();

} // namespace heartbeat
