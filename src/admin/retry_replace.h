// Replaces stored heart rates with the heart rates of messages in conflict. retry.cpp calls this file after
// it has stored the batch, if the argument `replace` is true.
#pragma once

#include "admin/retry_letters.h"
#include "store/partition_counts.h"

namespace heartbeat {

// Replaces the readings message by message, in the order of the dead letters. If several messages have a
// heart rate for the same reading, the heart rate of the last message stays. If the database refuses a heart
// rate, the function replaces no reading of this message. A replaced reading counts as a duplicate, and no
// longer as a conflict. `counts` is the result of store_batch().
void retry_replace(RetryLetters *letters, PartitionCounts *counts);

} // namespace heartbeat
