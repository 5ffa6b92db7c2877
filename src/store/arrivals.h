// This file records when readings of a customer last arrived, by the server's clock. Ingest workers write
// these times into heartbeat_arrivals. A worker writes at most one row for a customer in each interval, so
// that ingest stays fast: see arrivals_noted_for(). The maintenance worker moves the times to
// heartbeat_customers, where the alert rules of the kind `silence` read these times.
#pragma once

#include "decode/batch.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

// arrivals_noted_for() returns the length of the interval (microseconds) in which a worker writes at most one
// row for a customer. The length is a fifth of the shortest period of all silence rules, but between two
// seconds and a minute. Without a silence rule, the length is a minute. Before each batch, the worker passes
// the shortest period, in seconds, to arrivals_use_period(); 0: no silence rule.
TimestampTz arrivals_noted_for();
void arrivals_use_period(uint32_t seconds);

// Runs in the transaction that stores the batch. Inserts a row with the time `until` for each of `customers`,
// from whom readings of the source have arrived. The worker inserts the next row for a customer only when a
// reading arrives after `until`. Returns the number of inserted rows.
size_t arrivals_note(const Batch *batch, const BatchBytes *customers, size_t count, TimestampTz until,
                     const char *source);

// Runs in a transaction of the maintenance worker. Moves the rows of heartbeat_arrivals to
// heartbeat_customers. Returns the shortest period of all silence rules, in seconds. Returns 0 if there is no
// such rule.
uint32_t arrivals_take();
uint32_t arrivals_fold(); // does the same as arrivals_take(), in a transaction of its own

} // namespace heartbeat
