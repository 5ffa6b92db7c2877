// Adds a batch to the rollup in the same transaction. store.cpp calls it after it has stored the readings.
// The maintenance worker later folds the rows that it appends (rollup_fold()).
#pragma once

#include "store/rows.h"

namespace heartbeat {

// Call it in the transaction that stores the rows, after they were stored. Appends the sums of each customer
// and minute to heartbeat_rollup_pending. If the batch has many readings of a minute but few of each
// customer, it marks that minute in heartbeat_stale_minutes instead. It then appends only the customers that
// this process has not seen before.
void rollup_append_store(const Rows &records, const Rows &anomalies);

// Returns the number of rows appended since the last call.
uint32_t rollup_append_take();

} // namespace heartbeat
