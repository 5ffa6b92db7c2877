// Adds a batch to the rollup in the transaction that stores the batch. store.cpp calls it after it has stored
// the readings. It appends rows, and the maintenance worker folds these rows later (rollup_fold()).
#pragma once

#include "store/rows.h"

namespace heartbeat {

// Call it after you have stored the rows, in the same transaction. Appends the sums of each customer and
// minute to heartbeat_rollup_pending. If the batch has many readings of a minute but few of each customer, it
// marks that minute in heartbeat_stale_minutes instead. Of a marked minute it appends only the customers that
// this process has not seen before.
void rollup_append_store(const Rows &records, const Rows &anomalies);

// Returns the number of rows appended since the last call.
uint32_t rollup_append_take();

} // namespace heartbeat
