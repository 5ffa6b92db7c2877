// Stores the batches that a replay has read, and counts their messages and readings. replay.cpp calls this
// file for each batch. This file does not read from Kafka.
#pragma once

#include "server/server.h"

#include "admin/replay_read.h"

extern "C" {
#include "utils/hsearch.h"
}

namespace heartbeat {

// The counts of the replay for one partition. These counts become a row in the result of heartbeat_replay().
struct ReplayProgress {
    int32_t partition;
    int64_t from_offset;
    int64_t to_offset;
    int64_t messages;
    int64_t records;
    int64_t anomalies;
    int64_t duplicates;
    int64_t dead_letters;
    int64_t conflicts;
    int64_t ignored;
};

// Stores the reader's batch as a worker does. Adds the counts of each partition to the counter adjustments,
// and to the partition's row in `all`.
void replay_store(const ReplayReader &reader, HTAB *adjustments, ReplayProgress *all);

} // namespace heartbeat
