// Sees to it that the weeks that readings fall into have partitions.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Makes what the batch needs, in transactions of its own. Readings more than a year old or a week ahead make
// no partitions: their clocks are off, and they go to the default ones. So do readings whose partition cannot
// be had within a second since somebody holds a lock; heartbeat_make_partitions moves them later.
void partitions_prepare(const Batch *batch);

// The present week and the next, so that ingest never has to wait for them.
void partitions_make_ahead();

// heartbeat_apply_retention(); does nothing while heartbeat.retention is 0.
void partitions_apply_retention();

} // namespace heartbeat
