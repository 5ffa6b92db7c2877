// Puts the heart rates of messages in conflict in the place of the stored ones. retry.cpp calls it after it
// has stored the batch, if its caller asks for it.
#pragma once

#include "admin/retry_letters.h"
#include "store/partition_counts.h"

namespace heartbeat {

// Replaces the readings of each message in the order of the letters, so the last one stays. If the database
// refuses one, none of that message is replaced. A reading that was replaced is no conflict any more, but a
// duplicate. `counts` is the result of store_batch().
void retry_replace(RetryLetters *letters, PartitionCounts *counts);

} // namespace heartbeat
