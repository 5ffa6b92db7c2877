// Adds a batch to the rollup in the transaction that stores the batch. store.cpp calls this file after it has
// stored the readings. This file inserts rows into heartbeat_rollup_pending. The maintenance worker later
// moves these rows to heartbeat_rollup with rollup_fold().
#pragma once

#include "store/rows.h"
#include "store/sources.h"

namespace heartbeat {

// Call this function after you have stored the rows, in the same transaction. Inserts a row into
// heartbeat_rollup_pending for each customer and minute of the batch. The row has the sum and the number of
// the heart rates. If the batch has many readings of a minute but few readings of each customer, the function
// does not insert the sums of this minute. Instead, it marks the minute: it inserts a row (a mark) into
// heartbeat_stale_minutes. For a marked minute it inserts only the customers that this process has not seen
// before. `source` is the source of the readings. `source` is nullptr if the readings come from dead letters.
void rollup_append_store(const Rows &records, const Rows &anomalies, const Source *source);

// Returns the number of rows that rollup_append_store() has inserted into heartbeat_rollup_pending and
// heartbeat_arrivals since the last call of rollup_append_take(). Does not count the marks.
uint32_t rollup_append_take();

} // namespace heartbeat
