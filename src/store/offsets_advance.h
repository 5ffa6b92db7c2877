// Moving heartbeat_offsets past a batch.
#pragma once

#include "store/store.h"

namespace heartbeat {

// Compare and set: moves every partition of the batch from its first offset to its next and adds the counts.
// False: somebody else has moved one of them, and the transaction must not commit.
bool offsets_advance(const Batch *batch, const char *topic, const PartitionCounts *counts);

} // namespace heartbeat
