// One batch into the tables, inside a transaction that the caller began.
#pragma once

#include "server/server.h"

#include "store/partition_counts.h"

namespace heartbeat {

// Stores readings, dead letters and what they add to the rollup, and announces anomalies. Returns the counts,
// one for each of the batch's partitions, in the current memory context. With isolate, a reading that the
// database refuses for its own sake becomes a dead letter of the batch; without, it is an error
// (subtransaction_is_row_error). Dead letters are left alone where topic is nullptr: they are in their table
// already.
PartitionCounts *store_batch(Batch *batch, const char *topic, bool isolate);

// Once for an error that store_batch raised without isolate: it may be that of a row after all, though its
// SQLSTATE does not say so (Citus, copying rows to a node).
bool store_may_be_refused(const ErrorData *error);

} // namespace heartbeat
