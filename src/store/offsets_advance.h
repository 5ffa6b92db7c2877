// Moves the offsets in heartbeat_offsets to the end of a batch. batch_transaction.cpp calls this file as
// the last step of the transaction that stores the batch.
#pragma once

#include "store/store.h"

namespace heartbeat {

// Moves the offset of every Kafka partition of the batch from first_offset to next_offset, and adds the
// counts. Returns false if another writer has moved one of the offsets. The caller must then not commit.
bool offsets_advance(const Batch *batch, const Source &source, const PartitionCounts *counts);

} // namespace heartbeat
