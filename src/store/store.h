// Stores one batch in the tables, inside a transaction that the caller has begun. The ingest worker,
// heartbeat_replay() and heartbeat_retry_dead_letters() call it. It knows nothing of Kafka, and does not move
// offsets.
#pragma once

#include "server/server.h"

#include "store/partition_counts.h"

namespace heartbeat {

// Stores the readings, the dead letters and the batch's part of the rollup, and sends the notifications of
// anomalies. Returns the counts, one for each Kafka partition of the batch, in the current memory context. If
// the database refuses a reading because of its values (subtransaction_is_row_error()), the reading becomes a
// dead letter of the batch with `isolate`, and is an error without it. If topic is nullptr, it does not store
// dead letters: the table has them already.
PartitionCounts *store_batch(Batch *batch, const char *topic, bool isolate);

} // namespace heartbeat
