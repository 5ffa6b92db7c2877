// Stores one batch in the tables, inside a transaction that the caller has begun. The ingest worker,
// heartbeat_replay() and heartbeat_retry_dead_letters() call this file. This file does not depend on Kafka,
// and does not move offsets.
#pragma once

#include "server/server.h"

#include "store/partition_counts.h"
#include "store/sources.h"

namespace heartbeat {

// Stores the readings, the dead letters and the batch's part of the rollup, and sends the notifications of
// anomalies. Returns an array in the current memory context. The array has the counts of each Kafka partition
// of the batch. The database can refuse a reading because of its values: see subtransaction_is_row_error().
// If `isolate` is true, the message of such a reading becomes a dead letter of the batch, and no reading of
// the message is stored. If `isolate` is false, the function raises the error. If `source` is nullptr, the
// function stores no dead letters: the messages come from heartbeat_dead_letters, so this table already has
// them.
PartitionCounts *store_batch(Batch *batch, const Source *source, bool isolate);

} // namespace heartbeat
