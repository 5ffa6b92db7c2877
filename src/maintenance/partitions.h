// Creates the table partitions for the weeks of readings, and applies retention. batch_cycle.cpp calls
// partitions_prepare() before it stores a batch. maintenance.cpp calls the other functions periodically.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Creates the table partitions that the batch needs, with one transaction for each week. If a reading is more
// than a year old or more than a week in the future, the clock of its device is probably wrong. For such a
// reading the function creates no table partition, and the reading goes to the default partition. The
// function also creates no table partition if it gets no lock within a second, or if a trigger or a
// publication of a user prevents the creation. Then the readings of the week go to the default partitions,
// and heartbeat_make_partitions() moves these readings later.
void partitions_prepare(const Batch *batch);

// Creates the table partitions of this week and of the next week, so that ingest does not wait for their
// creation.
void partitions_make_ahead();

// Calls heartbeat_apply_retention(). Does nothing while heartbeat.retention is 0.
void partitions_apply_retention();

} // namespace heartbeat
