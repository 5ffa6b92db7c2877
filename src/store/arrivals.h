// When heartbeat has heard a customer, by the server's clock. Ingest notes it in
// heartbeat_arrivals, and each customer again only some time later, so that it hardly costs anything.
#pragma once

#include "decode/batch.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

// How long a note holds: a fifth of the shortest period of a rule on silence, between two seconds and a
// minute, which is also the answer where there is none. Each process is told that period, in seconds; 0:
// none.
TimestampTz arrivals_noted_for();
void arrivals_use_period(uint32_t seconds);

// Notes in the batch's transaction that these customers were heard, and are so until then. Returns how many
// rows that are.
size_t arrivals_note(const Batch *batch, const BatchBytes *customers, size_t count, TimestampTz until);

// In a transaction of the maintenance worker: enters the notes in heartbeat_customers, and returns the
// shortest period, in seconds; 0: there is none.
uint32_t arrivals_take();
uint32_t arrivals_fold(); // the same in a transaction of its own

} // namespace heartbeat
