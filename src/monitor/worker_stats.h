// The progress of the workers in shared memory. The progress has the number of stored batches, the time that
// the workers needed to store the batches, and the offset in each Kafka partition. The ingest workers write
// the progress. heartbeat_status and the metrics read the progress.
#pragma once

#include "monitor/progress_list.h"

namespace heartbeat {

// The upper bounds of BatchTimes::bucket, in microseconds. The last bucket has no upper bound, and counts all
// longer times.
inline constexpr int64_t batch_time_bounds[batch_time_buckets - 1] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

void worker_stats_batch_begins(SourceSlot *slot);                 // call this before a batch is stored
void worker_stats_batch_ends(SourceSlot *slot, int64_t messages); // call this after the batch is stored
// call this function if the worker has discarded the batch, and will read the messages of the batch again
void worker_stats_batch_dropped(SourceSlot *slot);

// The next three functions store values of a Kafka partition that the calling process reads. Call
// worker_stats_high_watermark() immediately after the leader has reported the high watermark.
void worker_stats_high_watermark(PartitionKey partition, int64_t high_watermark);
void worker_stats_partition_state(PartitionKey partition, PartitionState state, const char *reason);
void worker_stats_position(PartitionKey partition, int64_t next_offset,
                           int64_t last_kafka_time); // -1: not known

// Returns false if the high watermark is not known or too old. Call this function with a copy of the
// progress, or while you hold the lock.
bool worker_stats_know_end(const PartitionProgress &partition, MonotonicTime now);

struct Lag {
    // True if at least one Kafka partition has a stored offset, and the lag of each Kafka partition with a
    // stored offset is known.
    bool known;
    int64_t messages;
    double seconds; // -1: not known
};

// Returns the lag of these Kafka partitions: `messages` is the sum of their lags, and `seconds` is the
// longest lag of one of them. worker_stats_lag_of_all() returns the lag of all Kafka partitions that a worker
// reads.
Lag worker_stats_lag(ProgressRange partitions);
Lag worker_stats_lag_of_all();

// Returns how many messages of the source the worker has stored per second in the last minute. If the worker
// has read the source for less than a minute, the function divides by the time since the worker opened the
// source. Call this function while you hold the lock.
double worker_stats_rate(const SourceSlot &source, MonotonicTime now);

// If the worker has not returned to its loop in time, returns the time at which the worker should have
// returned. Otherwise returns 0. Call this function while you hold the lock.
MonotonicTime worker_stats_missed_since(const WorkerSlot &worker, MonotonicTime now);

// Returns the time at which the source began to wait. While the worker stores a batch of the source, this is
// the time at which the worker began to store the batch. If no batch is being stored, but Kafka partitions
// lag, this is the oldest PartitionProgress::waiting_since, and *partition becomes the Kafka partition with
// this time. In all other cases *partition becomes nullptr. Returns 0 if the source does not wait.
// `partitions` must contain exactly the Kafka partitions of the source. The function ignores partitions that
// another process reads. Call this function while you hold the lock.
MonotonicTime worker_stats_waiting_since(const WorkerSlot &worker, const SourceSlot &source,
                                         ProgressRange partitions, const PartitionProgress **partition);

// Returns true if the worker has stored no message of the Kafka partition since `copy` was made. Call this
// function while you hold the lock.
bool worker_stats_still_waits(const PartitionProgress &copy);

// Returns true if a worker is storing a batch or a Kafka partition lags. The maintenance worker checks
// periodically for stalled workers only in these two cases.
bool worker_stats_are_wanted();

} // namespace heartbeat
