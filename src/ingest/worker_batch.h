// An ingest worker's steps while it reads.
#pragma once

namespace heartbeat {

// Fills the batch, and stores it when it is complete. Returns how long to sleep.
long worker_batch_stream();

} // namespace heartbeat
