// Tells the rollup what a batch has added to customers' minutes.
#pragma once

#include "store/rows.h"

namespace heartbeat {

// In the transaction that stores the rows, after they were stored: appends the sums of customers' minutes to
// heartbeat_rollup_pending. A batch that has many readings of a minute, and few of each customer, marks that
// minute as stale instead, and appends the customers that this process has not seen before.
void rollup_append_store(const Rows &records, const Rows &anomalies);

// Rows appended since the last call.
uint32_t rollup_append_take();

} // namespace heartbeat
