// What the workers get done, in shared memory: batches and how long they took, and how far each
// partition has come.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Upper bounds of the batches' times, in microseconds; what took longer is in the last bucket.
inline constexpr int64_t batch_time_bounds[batch_time_buckets - 1] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

void worker_stats_batch_begins(WorkerSlot *slot);                 // it is complete and is to be stored
void worker_stats_batch_ends(WorkerSlot *slot, int64_t messages); // it is stored, with so many messages
void worker_stats_batch_dropped(WorkerSlot *slot);                // or was sent back

// What the calling process knows of a partition that it reads.
void worker_stats_high_watermark(int32_t partition,
                                 int64_t high_watermark); // as its leader has just said or shown
void worker_stats_partition_state(int32_t partition, PartitionState state, const char *reason);
void worker_stats_position(int32_t partition, int64_t next_offset, int64_t last_kafka_time); // -1: not known

// With the lock held. False where the high watermark is not known, or was not confirmed for long.
bool worker_stats_know_end(const PartitionSlot &slot, TimestampTz now);

struct Lag {
    bool known; // of every partition that was asked for
    int64_t messages;
    double seconds; // -1: not known
};

void worker_stats_lag(Lag *lag); // of all partitions that are being read

// Messages a second over the last minute, or over the worker's life where that is shorter. With the lock
// held.
double worker_stats_rate(const WorkerSlot &worker, TimestampTz now);

// Since when the worker has been due to come back to its loop; 0: it is not due. With the lock held.
TimestampTz worker_stats_missed_since(const WorkerSlot &worker, TimestampTz now);

// Since when the worker has had messages to read or to store and got nowhere; 0: it has none, or gets on.
// `partition` is the one that waits, or -1 where it is a batch. With the lock held.
TimestampTz worker_stats_waiting_since(const WorkerSlot &worker, int *partition);

bool worker_stats_are_wanted(); // a worker has a batch or a partition lags, so that it may stall

} // namespace heartbeat
