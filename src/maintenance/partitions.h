// Creates the table partitions of the weeks that readings belong to, and applies retention. batch_cycle.cpp
// calls it before it stores a batch. maintenance.cpp calls it ahead of time.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Creates the table partitions that the batch needs, each in a transaction of its own. If a reading is more
// than a year old or more than a week ahead, the clock of its device is wrong. For such a reading the
// function creates no table partition, and the reading goes to the default partition. If a lock is not free
// within a second, the function cannot create the table partition. The readings of this week then also go to
// the default partitions, and heartbeat_make_partitions() moves them later.
void partitions_prepare(const Batch *batch);

// Creates the table partitions of this week and of the next week, so that ingest does not wait for them.
void partitions_make_ahead();

// Calls heartbeat_apply_retention(). Does nothing while heartbeat.retention is 0.
void partitions_apply_retention();

} // namespace heartbeat
