// What a replay stores of the batches that it reads.
#pragma once

#include "server/server.h"

#include "admin/replay_read.h"

extern "C" {
#include "utils/hsearch.h"
}

namespace heartbeat {

// What has been done of one partition.
struct ReplayProgress {
    int32_t partition;
    int64_t from_offset;
    int64_t to_offset;
    int64_t messages;
    int64_t records;
    int64_t anomalies;
    int64_t duplicates;
    int64_t dead_letters;
};

// Stores the reader's batch as a worker would, and adds what it has of each partition to the counter
// adjustments and to `all`, by the piece's row.
void replay_store(const ReplayReader &reader, HTAB *adjustments, ReplayProgress *all);

} // namespace heartbeat
