// The progress of the workers in shared memory: how many batches they stored and how fast, and how far they
// have read each Kafka partition. The ingest workers write it, and heartbeat_status and the metrics read it.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// The upper bounds of BatchTimes::bucket, in microseconds. The last bucket has no upper bound: it counts all
// longer times.
inline constexpr int64_t batch_time_bounds[batch_time_buckets - 1] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

void worker_stats_batch_begins(SourceSlot *slot);                 // the worker begins to store the batch
void worker_stats_batch_ends(SourceSlot *slot, int64_t messages); // the batch was stored
void worker_stats_batch_dropped(SourceSlot *slot); // the batch was discarded; its messages are read again

// With these three functions the calling process records values of a partition that it reads. Call
// worker_stats_high_watermark() when the leader has just reported the high watermark.
void worker_stats_high_watermark(PartitionKey partition, int64_t high_watermark);
void worker_stats_partition_state(PartitionKey partition, PartitionState state, const char *reason);
void worker_stats_position(PartitionKey partition, int64_t next_offset,
                           int64_t last_kafka_time); // -1: not known

// Call it with the lock held. Returns false if the high watermark is not known or too old.
bool worker_stats_know_end(const PartitionSlot &slot, TimestampTz now);

struct Lag {
    bool known; // the lag of every partition is known
    int64_t messages;
    double seconds; // -1: not known
};

// Sets the lag of all partitions of the source that a worker reads. any_source: the lag of all sources.
void worker_stats_lag(Lag *lag, int32_t source_id);

// Returns messages per second over the last minute. If the worker has read the source for less than a minute,
// the function divides by the time since the worker opened the source. Call it with the lock held.
double worker_stats_rate(const SourceSlot &source, TimestampTz now);

// If the worker is late, returns the time by which it should have returned to its loop. Otherwise returns 0.
// Call it with the lock held.
TimestampTz worker_stats_missed_since(const WorkerSlot &worker, TimestampTz now);

// Returns the time since which the worker has had messages to read or to store. After each progress this time
// begins anew. Returns 0 if the worker has no messages to read or to store. *partition is the partition that
// the worker must read, or nullptr if the worker is storing a batch. Call it with the lock held.
TimestampTz worker_stats_waiting_since(const WorkerSlot &worker, const SourceSlot &source,
                                       const PartitionSlot **partition);

// Returns true if a worker is storing a batch or a partition lags. Only then can a worker be stalled.
bool worker_stats_are_wanted();

} // namespace heartbeat
