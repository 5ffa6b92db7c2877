// Storage wing: tells the rollup what a batch has added to customers' minutes.
#pragma once

#include "storage/rows.h"

namespace heartbeat {

// In the transaction that stores the rows, after they were stored. A batch that has many readings of the same
// customers appends their sums to heartbeat_rollup_pending; another one marks its minutes as stale, and
// appends the customers that this process has not seen before.
void minutes_store(const Rows &records, const Rows &anomalies);

// Rows appended since the last call.
uint32_t minutes_take_appended();

} // namespace heartbeat
