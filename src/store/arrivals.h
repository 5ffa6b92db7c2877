// Records when readings of a customer last arrived, by the server's clock. The records are rows of
// heartbeat_arrivals. After an ingest worker has written a row for a customer, the worker writes no other row
// for this customer for a time: see arrivals_noted_for(). So ingest stays fast. The maintenance worker moves
// these rows to heartbeat_customers. The alert rules of the kind `silence` use these times.
#pragma once

#include "decode/batch.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

// After a worker has written a row for a customer, the worker writes no other row for this customer for a
// time. arrivals_noted_for() returns the length of this time in microseconds. The time is a fifth of the
// shortest period of all silence rules, but at least two seconds and at most a minute. If there is no silence
// rule, the time is a minute. Each process first passes the shortest period in seconds to
// arrivals_use_period(). 0 means that there is no silence rule.
TimestampTz arrivals_noted_for();
void arrivals_use_period(uint32_t seconds);

// Runs in the transaction that stores the batch. Inserts a row for each element of `customers`. Until
// `until`, the worker writes no other row for these customers. Returns the number of inserted rows.
size_t arrivals_note(const Batch *batch, const BatchBytes *customers, size_t count, TimestampTz until);

// Runs in a transaction of the maintenance worker. Moves the rows of heartbeat_arrivals to
// heartbeat_customers. Returns the shortest period of all silence rules, in seconds. Returns 0 if there is no
// such rule.
uint32_t arrivals_take();
uint32_t arrivals_fold(); // does the same in a transaction of its own

} // namespace heartbeat
