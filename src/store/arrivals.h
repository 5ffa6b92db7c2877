// Records in heartbeat_arrivals when readings of a customer last arrived, by the server's clock. The ingest
// worker writes one row for a customer, and another one only after arrivals_noted_for(), so ingest stays
// fast. The maintenance worker moves these rows to heartbeat_customers. The rules on silence use the times.
#pragma once

#include "decode/batch.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

// Returns how long one row of heartbeat_arrivals is valid for its customer: a fifth of the shortest period of
// all rules on silence, but at least two seconds and at most a minute. If there is no rule on silence, it is
// a minute. Each process sets that shortest period with arrivals_use_period(), in seconds; 0: there is no
// rule on silence.
TimestampTz arrivals_noted_for();
void arrivals_use_period(uint32_t seconds);

// Runs in the transaction that stores the batch. It inserts one row for each of these customers, which is
// valid until `until`. Returns the number of rows inserted.
size_t arrivals_note(const Batch *batch, const BatchBytes *customers, size_t count, TimestampTz until);

// Runs in a transaction of the maintenance worker. It moves the rows of heartbeat_arrivals to
// heartbeat_customers. Returns the shortest period of all rules on silence, in seconds; 0: there is none.
uint32_t arrivals_take();
uint32_t arrivals_fold(); // does the same in its own transaction

} // namespace heartbeat
