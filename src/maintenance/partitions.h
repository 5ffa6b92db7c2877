// Makes the table partitions of the weeks that readings belong to, and applies retention.
// batch_cycle.cpp calls it before it stores a batch, and maintenance.cpp ahead of time.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Makes the table partitions that the batch needs, each in a transaction of its own. Readings more than a
// year old or more than a week ahead get no partition: their clocks are wrong, and they go to the default
// partitions. So do readings whose partition cannot be made because a lock is not free within a second;
// heartbeat_make_partitions() moves them later.
void partitions_prepare(const Batch *batch);

// Makes the table partitions of this week and the next one, so that ingest does not wait for them.
void partitions_make_ahead();

// Calls heartbeat_apply_retention(). Does nothing while heartbeat.retention is 0.
void partitions_apply_retention();

} // namespace heartbeat
