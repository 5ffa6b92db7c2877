// Stores one batch in the tables, inside a transaction that the caller has begun. The ingest worker,
// heartbeat_replay() and heartbeat_retry_dead_letters() call this file. This file does not depend on Kafka,
// and does not move offsets.
#pragma once

#include "server/server.h"

#include "store/partition_counts.h"
#include "store/sources.h"

namespace heartbeat {

// Stores the readings and the dead letters of the batch, adds the batch to the rollup, and sends the
// notifications of anomalies. Returns an array with the counts of each Kafka partition of the batch, in the
// current memory context. The database can refuse a reading because of its values
// (subtransaction_is_row_error()). If `isolate` is true, the message of a refused reading becomes a dead
// letter, and none of its readings is stored. If `isolate` is false, the function raises the error. If
// `source` is nullptr, the messages come from heartbeat_dead_letters, so the function does not store dead
// letters again.
PartitionCounts *store_batch(Batch *batch, const Source *source, bool isolate);

} // namespace heartbeat
